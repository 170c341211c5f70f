// Package storagetest is the suite that every storage backend passes, against the real thing where one runs here. It
// holds what the storage controller relies on: repeated calls, crashes between them, ownership, bounded steps,
// deadlines and errors that say what is wrong.
package storagetest

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Harness is what the suite needs of a kind of storage. A nil function means that the kind has no such thing; the
// cases that need it are skipped and say so.
type Harness struct {
	// Driver makes a driver as a new process does: it remembers nothing.
	Driver func(t *testing.T) storage.Driver
	// Impatient makes one whose calls end after a second or so, for the endpoint that never answers; Driver when nil. The
	// calls of Driver should have the time that a busy machine takes for them.
	Impatient func(t *testing.T) storage.Driver
	// Inputs are good inputs for a medium of that name; an empty name leaves it to the operator.
	Inputs func(t *testing.T, name string) storage.Inputs
	// Exists tells, past the backend, whether the medium of that name exists.
	Exists func(t *testing.T, name string) bool
	// Existing makes a medium of our account that nobody marked.
	Existing func(t *testing.T, name string)
	// Foreign makes a medium of that name that belongs to somebody else; TakenReason is the reason of StorageExists then.
	Foreign     func(t *testing.T, name string)
	TakenReason string
	// Named is the name of a medium that nobody has made and the operator makes when it is given; empty for a kind that makes
	// media of its own names only.
	Named string
	// Fill puts so many objects into a medium. The driver must remove about 1000 in one step.
	Fill func(t *testing.T, name string, objects int)
	// Count tells, past the backend, how many objects a medium has.
	Count func(t *testing.T, name string) int
	// AtOnce tells that the cloud deletes a medium with all that is in it in one call: there are no steps, and so nothing
	// that could be interrupted between them.
	AtOnce bool
	// Remnants puts into a medium what a plain listing does not show: versions, delete markers, unfinished uploads.
	Remnants func(t *testing.T, name string)
	// HalfMade makes a medium as a crash right after its creation leaves it: ours, and nothing applied to it yet.
	HalfMade func(t *testing.T, name string)
	// Revoked replaces the credentials of inputs by invalid ones; RevokedReason is the reason of StorageExists then.
	// RevokedStatus and ExpiredStatus are its statuses; False when empty.
	Revoked       func(storage.Inputs) storage.Inputs
	RevokedStatus operatorv1.ConditionStatus
	RevokedReason string
	// Expired makes good credentials refused as expired until the test ends; ExpiredReason is the reason of StorageExists.
	Expired       func(t *testing.T)
	ExpiredReason string
	ExpiredStatus operatorv1.ConditionStatus
	// UnknownReason is the reason of StorageExists while nothing is known; storage.UnknownError when empty.
	UnknownReason string
	// Throttle makes the endpoint ask for so many seconds of patience, until the test ends.
	Throttle func(t *testing.T, seconds int)
	// Slow makes each answer take that long, until the test ends; it is less than the driver's deadline for a call. What it
	// returns counts the answers that took so long.
	Slow func(t *testing.T, delay time.Duration) (slowed func() int)
	// Silent makes the endpoint never answer, until the test ends.
	Silent func(t *testing.T)
	// Codes are answers of the cloud and what StorageExists makes of them.
	Codes []Code
	// Untrusted takes the endpoint's CA away from inputs; Cure is what the message must name then.
	Untrusted func(storage.Inputs) storage.Inputs
	Cure      string
	// Drift is about the settings that Ensure keeps; nil for a kind that has none.
	Drift *Drift
}

// Code is one answer of the cloud to Ensure of a Managed medium that does not exist yet.
type Code struct {
	Name string
	// Answer makes the endpoint give it, until the test ends.
	Answer func(t *testing.T)
	// Status and Reason are those of StorageExists; Says is a part of the message that tells what to do.
	Status       operatorv1.ConditionStatus
	Reason, Says string
}

// Run runs the suite. Media are named after the cases.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, Harness){
		"ensuring twice makes one medium":                         ensureTwice,
		"a medium made before a crash is adopted":                 adoptAfterCrash,
		"a medium that was there is proposed as Unmanaged":        existingIsUnmanaged,
		"a named medium that is absent is made":                   namedAndAbsent,
		"a medium without our mark is not removed":                foreignIsKept,
		"a medium that we recorded to have made is removed":       recordedIsRemoved,
		"a name that another account has is an error":             nameTaken,
		"removing twice is done twice":                            removeTwice,
		"a full medium is removed in steps, by several processes": removeFull,
		"credentials that are refused give their own reason":      refusedCredentials,
		"credentials that are replaced are used at once":          replacedCredentials,
		"credentials that have expired give their own reason":     expiredCredentials,
		"a medium that a crash left half made is completed":       halfMade,
		"the checks see what drifted, with one call each":         driftAtTheCheck,
		"a setting that may not be read does not hide the medium": unreadSetting,
		"what a plain listing does not show is removed too":       removeRemnants,
		"a removal that was interrupted is resumed":               resumeRemoval,
		"a server that asks for patience gets it":                 throttled,
		"a slow server is waited for":                             slowEndpoint,
		"answers of the cloud become reasons":                     codes,
		"an endpoint that never answers is an error":              silentEndpoint,
		"a certificate that is not trusted is an error":           untrustedCertificate,
		"a cancelled context ends everything":                     cancelledContext,
	} {
		t.Run(name, func(t *testing.T) { run(t, h) })
	}
	if os.Getenv(emptyingVariable) != "" {
		t.Run("emptying", func(t *testing.T) { emptying(t, h) })
		t.Run("calls", func(t *testing.T) { cloudCalls(t, h) })
	}
}

// backend makes a backend of a new process.
func (h Harness) backend(t *testing.T, in storage.Inputs) storage.Backend {
	t.Helper()
	b, err := h.Driver(t).New(in)
	if err != nil {
		t.Fatalf("making a backend: %v", err)
	}
	return b
}

// maxRounds bounds how often a medium may ask for patience before it is ready.
const maxRounds = 50

// settle plans and ensures as the controller does, each time as a new process, until the medium is ready. It returns inputs
// with the coordinates of the last plan.
func (h Harness) settle(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result, error) {
	t.Helper()
	for range maxRounds {
		plan, err := h.backend(t, in).Plan(t.Context())
		if err != nil {
			return in, storage.Result{}, err
		}
		in.Coordinates, in.Managed = plan.Coordinates, true
		result, err := h.backend(t, in).Ensure(t.Context())
		if err != nil || result.RetryAfter == 0 {
			return in, result, err
		}
		expectExists(t, result.Conditions, operatorv1.ConditionFalse)
		// What the cloud needs is shown by its next answer; the wait only keeps the rounds from running out.
		<-time.After(min(result.RetryAfter, 20*time.Millisecond))
	}
	t.Fatalf("not ready after %d rounds", maxRounds)
	return in, storage.Result{}, nil
}

// made plans and ensures a medium, and returns inputs that say what the controller would know afterwards.
func (h Harness) made(t *testing.T, name string) (storage.Inputs, storage.Result) {
	t.Helper()
	in := h.Inputs(t, name)
	plan, err := h.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if plan.Exists || plan.ManagementState != "Managed" {
		t.Fatalf("plan of a medium that does not exist: %+v", plan)
	}
	in.Coordinates = plan.Coordinates
	in, result, err := h.settle(t, in)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	in.Created = result.Created
	return in, result
}

func (h Harness) name(t *testing.T, in storage.Inputs) string {
	return h.Driver(t).Identity(&in.Coordinates)
}

func (h Harness) mustExist(t *testing.T, in storage.Inputs, want bool) {
	t.Helper()
	if h.Exists == nil {
		return
	}
	if name := h.name(t, in); h.Exists(t, name) != want {
		t.Errorf("medium %s exists: %t, want %t", name, !want, want)
	}
}

// removeAll calls Remove, each time from a new process, until it is done.
func (h Harness) removeAll(t *testing.T, in storage.Inputs) (steps int) {
	t.Helper()
	for steps = 1; steps <= 100; steps++ {
		progress, err := h.backend(t, in).Remove(t.Context())
		if err != nil {
			t.Fatalf("remove, step %d: %v", steps, err)
		}
		if progress.Done {
			return steps
		}
		if progress.Message == "" {
			t.Errorf("step %d says nothing about what is left", steps)
		}
	}
	t.Fatalf("not removed after %d steps", steps)
	return steps
}

func expectExists(t *testing.T, conditions []operatorv1.OperatorCondition, want operatorv1.ConditionStatus) {
	t.Helper()
	for _, c := range conditions {
		if c.Type == names.StorageExists {
			if c.Status != want || c.Reason == "" {
				t.Errorf("StorageExists is %+v, want %s with a reason", c, want)
			}
			return
		}
	}
	t.Errorf("no StorageExists in %+v", conditions)
}

// failure is the *storage.Error in err.
func failure(t *testing.T, err error) *storage.Error {
	t.Helper()
	var e *storage.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *storage.Error", err, err)
	}
	if e.Message == "" {
		t.Error("the error has no message")
	}
	return e
}

func expectText(t *testing.T, message, want string) {
	t.Helper()
	if !strings.Contains(message, want) {
		t.Errorf("message %q does not say %q", message, want)
	}
}

func skipUnless(t *testing.T, value any, what string) {
	t.Helper()
	if reflect.ValueOf(value).IsNil() {
		t.Skipf("this kind of storage has no %s", what)
	}
}
