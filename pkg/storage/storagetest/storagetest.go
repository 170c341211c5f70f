// Package storagetest is the suite that every storage backend passes, against the real thing where one runs here. It
// holds what the storage controller relies on: repeated calls, crashes between them, ownership, bounded steps,
// deadlines and errors that say what is wrong.
package storagetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Harness is what the suite needs of a kind of storage. A nil function means that the kind has no such thing; the
// cases that need it are skipped and say so.
type Harness struct {
	// Driver makes a driver as a new process does: it remembers nothing.
	Driver func(t *testing.T) storage.Driver
	// Inputs are good inputs for a medium of that name; an empty name leaves it to the operator.
	Inputs func(t *testing.T, name string) storage.Inputs
	// Exists tells, past the backend, whether the medium of that name exists.
	Exists func(t *testing.T, name string) bool
	// Existing makes a medium of our account that nobody marked.
	Existing func(t *testing.T, name string)
	// Foreign makes a medium of that name that belongs to somebody else; TakenReason is the reason of StorageExists then.
	Foreign     func(t *testing.T, name string)
	TakenReason string
	// Fill puts so many objects into a medium. The driver must remove about 1000 in one step.
	Fill func(t *testing.T, name string, objects int)
	// Revoked replaces the credentials of inputs by invalid ones; RevokedReason is the reason of StorageExists then.
	Revoked       func(storage.Inputs) storage.Inputs
	RevokedReason string
	// Silent makes the endpoint never answer, until the test ends.
	Silent func(t *testing.T)
	// Untrusted takes the endpoint's CA away from inputs; Cure is what the message must name then.
	Untrusted func(storage.Inputs) storage.Inputs
	Cure      string
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
		"an endpoint that never answers is an error":              silentEndpoint,
		"a certificate that is not trusted is an error":           untrustedCertificate,
		"a cancelled context ends everything":                     cancelledContext,
	} {
		t.Run(name, func(t *testing.T) { run(t, h) })
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
	in.Coordinates, in.Managed = plan.Coordinates, true
	result, err := h.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
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

func ensureTwice(t *testing.T, h Harness) {
	in := h.Inputs(t, "")
	plan, err := h.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Managed = plan.Coordinates, true
	first, err := h.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expectExists(t, first.Conditions, operatorv1.ConditionTrue)
	in.Coordinates = first.Coordinates
	second, err := h.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expectExists(t, second.Conditions, operatorv1.ConditionTrue)
	if second.Created || second.RetryAfter != 0 {
		t.Errorf("the second ensure made something: %+v", second)
	}
	if !reflect.DeepEqual(first.Coordinates, second.Coordinates) || !reflect.DeepEqual(first.Facts, second.Facts) {
		t.Errorf("results differ: %+v and %+v", first.Coordinates, second.Coordinates)
	}
	if _, err := h.Driver(t).Settings(second.Coordinates, second.Facts); err != nil {
		t.Errorf("settings of what was made: %v", err)
	}
	h.mustExist(t, in, true)
	h.removeAll(t, in)
}

func adoptAfterCrash(t *testing.T, h Harness) {
	skipUnless(t, h.Exists, "medium that can be absent")
	in, _ := h.made(t, "")
	in.Decide = true
	plan, err := h.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !plan.Exists || !reflect.DeepEqual(plan.Coordinates, in.Coordinates) {
		t.Errorf("the medium is not found again: %+v", plan)
	}
	result, err := h.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Created {
		t.Error("a second medium was made")
	}
	h.removeAll(t, in)
}

func existingIsUnmanaged(t *testing.T, h Harness) {
	skipUnless(t, h.Existing, "medium of others")
	const name = "existing-medium"
	h.Existing(t, name)
	in := h.Inputs(t, name)
	in.Decide = true
	plan, err := h.backend(t, in).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if plan.ManagementState != "Unmanaged" || !plan.Exists || plan.Condition == nil {
		t.Errorf("plan of a medium that was there: %+v", plan)
	}
	in.Coordinates = plan.Coordinates
	result, err := h.backend(t, in).Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Created || len(result.Conditions) != 1 {
		t.Errorf("an Unmanaged medium was touched: %+v", result)
	}
}

func namedAndAbsent(t *testing.T, h Harness) {
	skipUnless(t, h.Foreign, "named medium that it makes")
	in, result := h.made(t, "named-and-absent")
	if !result.Created {
		t.Error("the creation is not reported")
	}
	h.mustExist(t, in, true)
	h.removeAll(t, in)
}

func foreignIsKept(t *testing.T, h Harness) {
	skipUnless(t, h.Existing, "medium of others")
	const name = "kept-medium"
	h.Existing(t, name)
	in := h.Inputs(t, name)
	in.Managed = true
	_, err := h.backend(t, in).Remove(t.Context())
	if e := failure(t, err); e.Reason != names.ReasonStorageNotOwned || !e.Permanent {
		t.Errorf("error is %+v, want reason %s, permanent", e, names.ReasonStorageNotOwned)
	}
	h.mustExist(t, in, true)
}

func recordedIsRemoved(t *testing.T, h Harness) {
	skipUnless(t, h.Existing, "medium of others")
	const name = "recorded-medium"
	h.Existing(t, name)
	in := h.Inputs(t, name)
	in.Managed, in.Created = true, true
	h.removeAll(t, in)
	h.mustExist(t, in, false)
}

func nameTaken(t *testing.T, h Harness) {
	skipUnless(t, h.Foreign, "names shared with other accounts")
	const name = "taken-medium"
	h.Foreign(t, name)
	in := h.Inputs(t, name)
	_, err := h.backend(t, in).Ensure(t.Context())
	if e := failure(t, err); e.ConditionReason != h.TakenReason {
		t.Errorf("reason is %q, want %q: %s", e.ConditionReason, h.TakenReason, e.Message)
	}
}

func removeTwice(t *testing.T, h Harness) {
	skipUnless(t, h.Exists, "medium that can be absent")
	in, _ := h.made(t, "")
	h.removeAll(t, in)
	h.mustExist(t, in, false)
	progress, err := h.backend(t, in).Remove(t.Context())
	if err != nil || !progress.Done {
		t.Errorf("the second removal: %+v, %v", progress, err)
	}
	expectExists(t, progress.Conditions, operatorv1.ConditionFalse)
}

func removeFull(t *testing.T, h Harness) {
	skipUnless(t, h.Fill, "content to remove")
	in, _ := h.made(t, "")
	h.Fill(t, h.name(t, in), 2100)
	progress, err := h.backend(t, in).Remove(t.Context())
	if err != nil || progress.Done {
		t.Fatalf("the first step: %+v, %v", progress, err)
	}
	expectText(t, progress.Message, "1100 objects left")
	if steps := h.removeAll(t, in); steps < 2 {
		t.Errorf("2100 objects were removed in %d steps; a step is not bounded", steps)
	}
	h.mustExist(t, in, false)
}

func refusedCredentials(t *testing.T, h Harness) {
	skipUnless(t, h.Revoked, "credentials")
	in, _ := h.made(t, "")
	defer h.removeAll(t, in)
	_, err := h.backend(t, h.Revoked(in)).Ensure(t.Context())
	e := failure(t, err)
	if e.Status != operatorv1.ConditionFalse || e.ConditionReason != h.RevokedReason {
		t.Errorf("StorageExists would be %s/%s, want False/%s: %s", e.Status, e.ConditionReason, h.RevokedReason, e.Message)
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
	in := h.Inputs(t, "silent-medium")
	_, err := h.backend(t, in).Plan(t.Context())
	e := failure(t, err)
	if e.Status != operatorv1.ConditionUnknown || e.ConditionReason != storage.UnknownError || e.Permanent {
		t.Errorf("error is %+v, want Unknown, %s, not permanent", e, storage.UnknownError)
	}
}

func untrustedCertificate(t *testing.T, h Harness) {
	skipUnless(t, h.Untrusted, "certificate")
	in := h.Untrusted(h.Inputs(t, "untrusted-medium"))
	_, err := h.backend(t, in).Plan(t.Context())
	e := failure(t, err)
	if e.Status != operatorv1.ConditionUnknown || e.ConditionReason != storage.UnknownError {
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
