package storagetest

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func refusedCredentials(t *testing.T, h Harness) {
	skipUnless(t, h.Revoked, "credentials")
	in, _ := h.made(t, "")
	defer h.removeAll(t, in)
	_, err := h.backend(t, h.Revoked(in)).Ensure(t.Context())
	e := failure(t, err)
	if want := cmp.Or(h.RevokedStatus, operatorv1.ConditionFalse); e.Status != want || e.ConditionReason != h.RevokedReason {
		t.Errorf("StorageExists would be %s/%s, want %s/%s: %s", e.Status, e.ConditionReason, want, h.RevokedReason, e.Message)
	}
	h.mustExist(t, in, true)
}

func replacedCredentials(t *testing.T, h Harness) {
	skipUnless(t, h.Revoked, "credentials")
	in, _ := h.made(t, "")
	driver := h.Driver(t)
	for _, step := range []struct {
		in      storage.Inputs
		succeed bool
	}{{in, true}, {h.Revoked(in), false}, {in, true}} {
		b, err := driver.New(step.in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Ensure(t.Context()); (err == nil) != step.succeed {
			t.Errorf("ensure: %v, want success %t", err, step.succeed)
		}
	}
	h.removeAll(t, in)
}

func silentEndpoint(t *testing.T, h Harness) {
	skipUnless(t, h.Silent, "endpoint")
	h.Silent(t)
	if h.Impatient != nil {
		h.Driver = h.Impatient
	}
	in := h.Inputs(t, "silent-medium")
	_, err := h.backend(t, in).Plan(t.Context())
	e := failure(t, err)
	if want := cmp.Or(h.UnknownReason, storage.UnknownError); e.Status != operatorv1.ConditionUnknown || e.ConditionReason != want || e.Permanent {
		t.Errorf("error is %+v, want Unknown, %s, not permanent", e, want)
	}
}

func untrustedCertificate(t *testing.T, h Harness) {
	skipUnless(t, h.Untrusted, "certificate")
	in := h.Untrusted(h.Inputs(t, "untrusted-medium"))
	_, err := h.backend(t, in).Plan(t.Context())
	e := failure(t, err)
	if e.Status != operatorv1.ConditionUnknown || e.ConditionReason != cmp.Or(h.UnknownReason, storage.UnknownError) {
		t.Errorf("StorageExists would be %s/%s", e.Status, e.ConditionReason)
	}
	expectText(t, e.Message, "not trusted")
	expectText(t, e.Message, h.Cure)
}

func cancelledContext(t *testing.T, h Harness) {
	skipUnless(t, h.Fill, "calls that a context could end")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in := h.Inputs(t, "cancelled-medium")
	in.Managed = true
	b := h.backend(t, in)
	_, planned := b.Plan(ctx)
	_, ensured := b.Ensure(ctx)
	_, removed := b.Remove(ctx)
	for call, err := range map[string]error{"plan": planned, "ensure": ensured, "remove": removed} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", call, err)
		}
	}
	h.mustExist(t, in, false)
}

func expiredCredentials(t *testing.T, h Harness) {
	skipUnless(t, h.Expired, "credentials that expire")
	in := h.Inputs(t, "expired-medium")
	in.Managed = true
	h.Expired(t)
	_, err := h.backend(t, in).Ensure(t.Context())
	e := failure(t, err)
	if want := cmp.Or(h.ExpiredStatus, operatorv1.ConditionFalse); e.Status != want || e.ConditionReason != h.ExpiredReason {
		t.Errorf("StorageExists would be %s/%s, want %s/%s: %s", e.Status, e.ConditionReason, want, h.ExpiredReason, e.Message)
	}
}

func throttled(t *testing.T, h Harness) {
	skipUnless(t, h.Throttle, "throttling")
	in := h.Inputs(t, "throttled-medium")
	h.Throttle(t, 17)
	_, err := h.backend(t, in).Plan(t.Context())
	if e := failure(t, err); e.RetryAfter != 17*time.Second || e.Permanent {
		t.Errorf("error is %+v, want to be retried after 17 seconds", e)
	}
}

func slowEndpoint(t *testing.T, h Harness) {
	skipUnless(t, h.Slow, "endpoint")
	slowed := h.Slow(t, 300*time.Millisecond)
	in, _, err := h.settle(t, h.Inputs(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if slowed() == 0 {
		t.Error("no request was slow: nothing is shown")
	}
	h.removeAll(t, in)
}

func codes(t *testing.T, h Harness) {
	if len(h.Codes) == 0 {
		t.Skip("this kind of storage has no codes")
	}
	for _, code := range h.Codes {
		t.Run(code.Name, func(t *testing.T) {
			in := h.Inputs(t, "code-medium")
			in.Managed = true
			code.Answer(t)
			_, err := h.backend(t, in).Ensure(t.Context())
			e := failure(t, err)
			if e.Status != code.Status || e.ConditionReason != code.Reason {
				t.Errorf("StorageExists would be %s/%s, want %s/%s: %s", e.Status, e.ConditionReason, code.Status, code.Reason, e.Message)
			}
			expectText(t, e.Message, code.Says)
			expectAdvice(t, e.Message)
		})
	}
}

// What to do is told in words like these, and by the place where it is done.
var (
	adviceVerb  = regexp.MustCompile(`\b(allow|ask|check|choose|correct|exempt|give|grant|name|put|raise|replace|see)\b`)
	advicePlace = regexp.MustCompile(`spec\.storage\.|spec\.trustedCA|secret openshift-|docs/storage/|\b(rights?|role|those who run)\b`)
)

// expectAdvice wants a message to go on, after what the cloud says, with what to do and where.
func expectAdvice(t *testing.T, message string) {
	t.Helper()
	_, advice, _ := strings.Cut(message, "; ")
	if !adviceVerb.MatchString(advice) || !advicePlace.MatchString(message) {
		t.Errorf("message %q does not say what to do", message)
	}
}
