package apply

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// sameRequest tells that the stored object was written for the same desired object: what differs, somebody else has
// changed.
func sameRequest(live, required metav1.Object) bool {
	checksum := live.GetAnnotations()[names.ChecksumAnnotation]
	return checksum != "" && checksum == required.GetAnnotations()[names.ChecksumAnnotation]
}

// isLost tells that an object which the cache has shown is not there any more, though we have not deleted it.
func (a *Applier) isLost(object string, there bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	lost := a.seen[object] && !there
	a.seen[object] = there
	return lost
}

// Forget tells that the controller itself deletes its objects: making them again is no news then.
func (a *Applier) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.seen)
}

// forget tells that we have deleted one object ourselves.
func (a *Applier) forget(object string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.seen, object)
}

// drift raises the event for an object that was set back to what it should be. It names fields, never their values.
func (a *Applier) drift(kind string, object metav1.Object, what string) {
	a.recorder.Warningf(names.EventDriftReverted, "%s %s", describe(kind, object), what)
}
