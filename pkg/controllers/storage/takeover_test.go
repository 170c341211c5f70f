package storage

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// TestAManagedStateThatMeetsForeignStorage: a value that was given for one place is dangerous at another.
func TestAManagedStateThatMeetsForeignStorage(t *testing.T) {
	managed := func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Managed"; owner(c) }
	for name, tc := range map[string]struct {
		edits []func(*imageregistryv1.Config)
		want  string
	}{
		"the state is the administrator's": {
			edits: []func(*imageregistryv1.Config){managed},
			want: "storage S3 bucket=theirs region=us-east-1 was there before and does not show that the operator made it; " +
				"as spec.storage.managementState is Managed, the operator configures it, and deletes it when the registry is removed: " +
				"to keep it, set that to Unmanaged",
		},
		"the state is decided anew": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config(tc.edits...))
			w.mustSync()
			w.cloud.media["theirs"] = &medium{}
			w.edit(bucket("theirs"))
			w.mustSync()
			w.restart()
			w.mustSync()
			w.expect("warnings", w.warned(names.EventStorageAdopted), tc.want)
		})
	}
}

// warned are the texts of the warnings of a reason.
func (w *world) warned(reason string) string {
	text := ""
	for _, e := range w.recorder.Events() {
		if e.Reason == reason && e.Type == corev1.EventTypeWarning {
			text += e.Message
		}
	}
	return text
}
