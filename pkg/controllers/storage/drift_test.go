package storage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// drifting is a world with storage in its steady state, whose backend offers three looks.
func drifting(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, config())
	w.cloud.looks = []storage.Look{nil, {"tags"}, {"encryption"}}
	w.mustSync()
	w.clock.Step(firstCheck)
	w.mustSync()
	return w
}

// check lets the next check come, and returns the calls and looks that it makes.
func (w *world) check() (calls, looked string) {
	w.t.Helper()
	w.cloud.calls, w.cloud.looked = nil, nil
	w.clock.Step(checkInterval)
	w.mustSync()
	return fmt.Sprint(w.cloud.calls), strings.Join(w.cloud.looked, ",")
}

func (w *world) reverted() (n int) {
	for _, reason := range w.eventReasons() {
		if reason == names.EventDriftReverted {
			n++
		}
	}
	return n
}

func TestChecksGoRoundTheSettings(t *testing.T) {
	w := drifting(t)
	for _, want := range []string{"tags", "encryption", "", "tags", "encryption"} {
		calls, looked := w.check()
		w.expect("calls of a check", calls, "[plan]")
		w.expect("what it looks at", looked, want)
	}
}

func TestDriftIsMendedByTheCheckThatSeesIt(t *testing.T) {
	w := drifting(t)
	w.cloud.drifted = map[string]string{"encryption": "default encryption"}
	calls, _ := w.check()
	w.expect("calls before it has its turn", calls, "[plan]")
	calls, looked := w.check()
	w.expect("calls of the check that sees it", calls, "[plan plan ensure]")
	w.expect("what it looks at", looked, "encryption,")
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("events of it", fmt.Sprint(w.reverted()), "1")
	last := w.recorder.Events()[len(w.recorder.Events())-1]
	w.expect("its message", last.Message, "storage S3 bucket=generated region=us-east-1 was changed in the cloud and is set back: default encryption")
	calls, looked = w.check()
	w.expect("the next check makes sure", calls+looked, "[plan]encryption")
	_, looked = w.check()
	w.expect("the one after that goes on", looked, "")
	w.expect("events in the end", fmt.Sprint(w.reverted()), "1")
}

// TestCloudThatShowsAnotherSettingThanItTook: it is not written to for ever.
func TestCloudThatShowsAnotherSettingThanItTook(t *testing.T) {
	w := drifting(t)
	w.cloud.drifted, w.cloud.keepsNothing = map[string]string{"tags": "tags"}, true
	ensures := 0
	for range 20 {
		calls, _ := w.check()
		ensures += strings.Count(calls, "ensure")
	}
	w.expect("how often it is written to", fmt.Sprint(ensures), fmt.Sprint(maxMends))
	w.clock.Step(verifyInterval)
	w.mustSync()
	w.check()
	_, looked := w.check()
	w.expect("what is looked at, and anew, after the verification", looked, "tags,")
}

// TestSettingThatMayNotBeRead: Ensure decides what that means, once, and the storage stays ready.
func TestSettingThatMayNotBeRead(t *testing.T) {
	w := drifting(t)
	w.cloud.unread = map[string]bool{"tags": true}
	calls, _ := w.check()
	w.expect("calls of the check that is refused", calls, "[plan plan ensure]")
	var looks []string
	for range 4 {
		calls, looked := w.check()
		w.expect("calls of a check after that", calls, "[plan]")
		looks = append(looks, looked)
	}
	if slices.Contains(looks, "tags") {
		t.Errorf("looked at %q, of which tags may not be read", looks)
	}
	w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
	w.expect("events", fmt.Sprint(w.reverted()), "0")
}
