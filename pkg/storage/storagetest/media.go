package storagetest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func ensureTwice(t *testing.T, h Harness) {
	in, first, err := h.settle(t, h.Inputs(t, ""))
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
	// The crash came before the creation was recorded.
	in.Created, in.Decide = false, true
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
	if h.Named == "" {
		t.Skip("this kind of storage makes no medium that was named")
	}
	in, result := h.made(t, h.Named)
	if name := h.name(t, in); !result.Created || name != h.Named {
		t.Errorf("medium %s was made: %t, want %s", name, result.Created, h.Named)
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
	if h.AtOnce {
		h.removedAtOnce(t, in)
		return
	}
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

// removedAtOnce fills a medium with more than any page of a listing holds.
func (h Harness) removedAtOnce(t *testing.T, in storage.Inputs) {
	t.Helper()
	const objects = 1001
	name := h.name(t, in)
	h.Fill(t, name, objects)
	if got := h.Count(t, name); got != objects {
		t.Fatalf("medium %s has %d objects, want %d", name, got, objects)
	}
	if steps := h.removeAll(t, in); steps != 1 {
		t.Errorf("removed in %d steps, want one", steps)
	}
	h.mustExist(t, in, false)
}

func halfMade(t *testing.T, h Harness) {
	skipUnless(t, h.HalfMade, "steps between which a crash could come")
	const name = "half-made-medium"
	h.HalfMade(t, name)
	in := h.Inputs(t, name)
	in.Managed, in.Created = true, true
	in, result, err := h.settle(t, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range result.Conditions {
		if c.Status != operatorv1.ConditionTrue {
			t.Errorf("not completed: %+v", c)
		}
	}
	in.Coordinates = result.Coordinates
	h.removeAll(t, in)
}

func removeRemnants(t *testing.T, h Harness) {
	skipUnless(t, h.Remnants, "versions, delete markers or unfinished uploads")
	in, _ := h.made(t, "")
	h.Remnants(t, h.name(t, in))
	h.removeAll(t, in)
	h.mustExist(t, in, false)
}

func resumeRemoval(t *testing.T, h Harness) {
	skipUnless(t, h.Count, "objects to count")
	if h.AtOnce {
		t.Skip("this kind of storage is removed in one call, which nothing interrupts")
	}
	in, _ := h.made(t, "")
	const objects = 1200
	h.Fill(t, h.name(t, in), objects)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.backend(t, in).Remove(ctx)
		ended <- err
	}()
	for h.Exists(t, h.name(t, in)) && h.Count(t, h.name(t, in)) == objects {
		if t.Context().Err() != nil {
			t.Fatal("nothing is removed")
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted removal: %v", err)
	}
	h.removeAll(t, in)
	h.mustExist(t, in, false)
}
