package library

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// OperatorUser is the identity of the operator in every suite: its own ServiceAccount, never an administrator.
const OperatorUser = "system:serviceaccount:openshift-image-registry:cluster-image-registry-operator"

const (
	// registryUser is the identity of the registry, and of the Job that moves images.
	registryUser = "system:serviceaccount:openshift-image-registry:registry"
	// operatorAgent begins the user agent of the operator's program.
	operatorAgent = "cluster-image-registry-operator/"
)

// AuditEvent is the part of an audit log entry that tests look at.
type AuditEvent struct {
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	UserAgent  string `json:"userAgent"`
	Stage      string `json:"stage"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		APIGroup    string `json:"apiGroup"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	RequestReceivedTimestamp time.Time `json:"requestReceivedTimestamp"`
}

// String is how a test prints an event.
func (e AuditEvent) String() string {
	return fmt.Sprintf("%s %s %s %d", e.RequestReceivedTimestamp.Format("15:04:05.000"), e.Verb, e.RequestURI, e.ResponseStatus.Code)
}

// Audit returns the requests of user since the given time, one entry each, oldest first. A watch that is still open
// counts by its start.
func (c *Cluster) Audit(user string, since time.Time) ([]AuditEvent, error) {
	return readAudit(c.AuditLog, user, since, func(e *AuditEvent) bool {
		return e.User.Username == user && e.IsWatch() == (e.Stage == "ResponseStarted")
	})
}

// readAudit returns the events that are wanted, of those whose line has the text.
func readAudit(path, text string, since time.Time, wanted func(*AuditEvent) bool) ([]AuditEvent, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer file.Close()
	var events []AuditEvent
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 1<<20), 1<<24)
	for lines.Scan() {
		// The log is large and most of it is other users': look before decoding.
		if !strings.Contains(lines.Text(), text) {
			continue
		}
		var event AuditEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			continue // the last line may be half written
		}
		if !event.RequestReceivedTimestamp.Before(since) && wanted(&event) {
			events = append(events, event)
		}
	}
	return events, lines.Err()
}

// strangers returns the requests of the operator's program that were made as somebody it is not: with a token that was not
// good, which the log has without a user, or as another user. The Job that moves images is the same program, as the registry.
// What runs on nodes is, too, and has no business with the API server.
func strangers(auditLog string, since time.Time) ([]AuditEvent, error) {
	return readAudit(auditLog, operatorAgent, since, func(e *AuditEvent) bool {
		known := e.User.Username == OperatorUser || e.User.Username == registryUser
		// A refused login is logged where its answer starts, whatever it asked for.
		return strings.HasPrefix(e.UserAgent, operatorAgent) && (!known || e.ResponseStatus.Code == http.StatusUnauthorized)
	})
}

// IsWatch tells whether the request is a watch.
func (e AuditEvent) IsWatch() bool { return e.Verb == "watch" }

// IsLease tells whether the request concerns the leader election lock.
func (e AuditEvent) IsLease() bool { return e.ObjectRef.Resource == "leases" }

// RequireSilence lets calm pass, the time after a transition in which the operator may still be at work, and fails the
// test for every request but watches and the lease in the time after.
func (c *Cluster) RequireSilence(t *testing.T, calm, silence time.Duration) {
	t.Helper()
	letPass(t, calm)
	begin := time.Now()
	letPass(t, silence)
	for _, event := range c.noise(t, begin) {
		t.Errorf("request in steady state: %s", event)
	}
}

func (c *Cluster) noise(t *testing.T, since time.Time) []AuditEvent {
	t.Helper()
	events, err := c.Audit(OperatorUser, since)
	if err != nil {
		t.Fatal(err)
	}
	var noise []AuditEvent
	for _, event := range events {
		if !event.IsWatch() && !event.IsLease() {
			noise = append(noise, event)
		}
	}
	return noise
}

// RequireNothingDenied looks at the whole run since the operator started, as the last test of a suite: the rules in
// manifests/ suffice, and the operator's token was good all the time.
func RequireNothingDenied(t *testing.T, c *Cluster, since time.Time) {
	t.Helper()
	events, err := c.Audit(OperatorUser, since)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 {
		t.Fatal("the audit log has no request of the operator: this test would see nothing")
	}
	for _, event := range events {
		if event.ResponseStatus.Code == http.StatusForbidden || event.ResponseStatus.Code == http.StatusUnauthorized {
			t.Errorf("denied: %s", event)
		}
	}
	foreign, err := strangers(c.AuditLog, since)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range foreign {
		t.Errorf("the operator's program was user %q, which is none of its ServiceAccounts: %s", event.User.Username, event)
	}
}

// letPass lets time pass: silence can be observed in no other way.
func letPass(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.Context().Done():
		t.Fatal("the test ended before the silence")
	case <-timer.C:
	}
}
