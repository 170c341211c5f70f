package storage

import (
	"errors"
	"strings"
	"testing"
	"time"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestEventsOfTransitions(t *testing.T) {
	stored := func(status operatorv1.ConditionStatus, reason string) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: names.StorageReady, Status: status, Reason: reason, Message: "before"}
	}
	exists := func(status operatorv1.ConditionStatus, reason string) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: names.StorageExists, Status: status, Reason: reason}
	}
	good := outcome{message: "the registry uses S3 bucket=b"}
	bad := outcome{err: errors.New("no answer"), reason: names.ReasonError, message: "no answer"}
	denied := bad
	denied.conditions = []operatorv1.OperatorCondition{exists("False", "AccessDenied")}
	for name, tc := range map[string]struct {
		before   []operatorv1.OperatorCondition
		now      outcome
		removing bool
		want     string
	}{
		"the first success is no news beside the creation": {now: good},
		"the first failure is":                             {now: bad, want: "StorageFailed: Error: no answer"},
		"storage that begins to fail":                      {before: []operatorv1.OperatorCondition{stored("True", "AsExpected")}, now: bad, want: "StorageFailed: Error: no answer"},
		"the same failure is no news":                      {before: []operatorv1.OperatorCondition{stored("False", "Error")}, now: bad},
		"another code of the cloud is": {
			before: []operatorv1.OperatorCondition{stored("False", "Error"), exists("Unknown", "Unknown Error Occurred")}, now: denied, want: "StorageFailed: Error: no answer",
		},
		"storage that is well again": {
			before: []operatorv1.OperatorCondition{stored("False", "Error")}, now: good, want: "StorageRecovered: the registry uses S3 bucket=b",
		},
		"work that is done is no recovery":    {before: []operatorv1.OperatorCondition{stored("False", names.ReasonStorageChanging)}, now: good},
		"a removal that is done is none too":  {before: []operatorv1.OperatorCondition{stored("False", "Error")}, now: good, removing: true},
		"credentials that are waited for":     {now: outcome{reason: names.ReasonWaitingForCredentials, message: "create secret x"}, want: "WaitingForCredentials: create secret x"},
		"the beginning of a removal":          {before: []operatorv1.OperatorCondition{stored("True", "AsExpected")}, now: outcome{reason: names.ReasonStorageRemoving, message: "2 objects left"}, removing: true, want: "StorageRemoving: 2 objects left"},
		"the progress of a removal is silent": {before: []operatorv1.OperatorCondition{stored("False", names.ReasonStorageRemoving)}, now: outcome{reason: names.ReasonStorageRemoving, message: "1 objects left"}, removing: true},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(time.Now()))
			tell(recorder, tc.before, tc.now, tc.removing)
			if got := texts(recorder); got != tc.want {
				t.Errorf("events %q, want %q", got, tc.want)
			}
		})
	}
}

func texts(recorder events.InMemoryRecorder) string {
	var all []string
	for _, event := range recorder.Events() {
		all = append(all, event.Reason+": "+event.Message)
	}
	return strings.Join(all, "\n")
}

func TestCredentialsAreFollowed(t *testing.T) {
	w := running(t)
	w.secret(names.CloudCredentials, "first-value")
	w.mustSync()
	begin := len(w.recorder.Events())
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"nothing changes", func() {}, ""},
		{"the minted secret is rotated", func() { w.secret(names.CloudCredentials, "rotated-value") }, "CredentialsChanged: the cloud credentials in secret openshift-image-registry/installer-cloud-credentials have changed"},
		{"the administrator gives his own", func() { w.secret(names.PrivateConfigurationUser, "own-value") }, "CredentialsChanged: using the cloud credentials in secret openshift-image-registry/image-registry-private-configuration-user instead of those in secret openshift-image-registry/installer-cloud-credentials"},
		{"a restart is no news", w.restart, ""},
	} {
		step.do()
		w.mustSync()
		var got []string
		for _, event := range w.recorder.Events()[begin:] {
			if strings.HasPrefix(event.Reason, "Credentials") {
				got = append(got, event.Reason+": "+event.Message)
			}
		}
		begin = len(w.recorder.Events())
		if text := strings.Join(got, "\n"); text != step.want {
			t.Errorf("%s: events %q, want %q", step.name, text, step.want)
		}
	}
	if all := texts(w.recorder); strings.Contains(all, "-value") {
		t.Errorf("an event shows credentials: %s", all)
	}
}

func TestTheEndsOfStorageAreEvents(t *testing.T) {
	unmanaged := func(c *imageregistryv1.Config) {
		c.Spec.Storage.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	for name, tc := range map[string]struct {
		edits []func(*imageregistryv1.Config)
		want  string
	}{
		"managed storage is removed":           {[]func(*imageregistryv1.Config){removed}, names.EventStorageRemoved},
		"the state is said anew":               {[]func(*imageregistryv1.Config){unmanaged}, names.EventStorageManagementStateChanged},
		"storage of the administrator is kept": {[]func(*imageregistryv1.Config){unmanaged, removed}, names.EventStorageKept},
		"a deleted Config is gone at the end":  {[]func(*imageregistryv1.Config){deleted}, names.EventConfigDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			w := running(t)
			for _, edit := range tc.edits {
				w.edit(edit)
				for range 3 {
					w.mustSync()
				}
			}
			if got := w.eventReasons(); len(got) == 0 || got[len(got)-1] != tc.want {
				t.Errorf("events %q, the last one should be %s", got, tc.want)
			}
		})
	}
}

func TestStorageThatWasThereIsAdopted(t *testing.T) {
	w := newWorld(t, config(bucket("given")))
	w.secret(names.CloudCredentials, "key")
	w.cloud.media["given"] = &medium{}
	w.mustSync()
	want := "StorageAdopted: the registry uses storage " + storage.Describe(w.config().Status.Storage) + " (management state Unmanaged)"
	if got := texts(w.recorder); !strings.Contains(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}
