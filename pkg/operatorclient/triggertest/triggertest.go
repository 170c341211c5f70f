// Package triggertest shows which objects wake a controller: it runs the controller on informers that make events on
// demand and sees a sync by what each begins with, a read of Config.
package triggertest

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// Stage holds the informers of one controller.
type Stage struct {
	t         *testing.T
	informers map[string]*informer
	syncs     chan struct{}
}

// New makes a stage without informers.
func New(t *testing.T) *Stage {
	return &Stage{t: t, informers: map[string]*informer{}, syncs: make(chan struct{}, 1)}
}

// informer makes events on demand.
type informer struct{ handler cache.ResourceEventHandler }

// AddEventHandler is what the controller calls.
func (i *informer) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	i.handler = handler
	return nil, nil
}

// HasSynced is always true.
func (*informer) HasSynced() bool { return true }

// On gives the controller an informer, and the test a name for it.
func (s *Stage) On(name string) factory.Informer {
	s.informers[name] = &informer{}
	return s.informers[name]
}

// Client stands before the client of the controller.
func (s *Stage) Client(client operatorclient.Client) operatorclient.Client {
	return watched{client, s.syncs}
}

// watched tells of every sync.
type watched struct {
	operatorclient.Client
	syncs chan struct{}
}

// Config is how each sync begins.
func (w watched) Config() (*imageregistryv1.Config, error) {
	select {
	case w.syncs <- struct{}{}:
	default:
	}
	return w.Client.Config()
}

// Run runs the controller until the test ends.
func (s *Stage) Run(controller factory.Controller) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		controller.Run(ctx, 1)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// Expect waits for a sync.
func (s *Stage) Expect(what string) {
	s.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	select {
	case <-s.syncs:
	case <-deadline.C:
		s.t.Errorf("%s made no sync", what)
	}
}

// Add makes the event of a new object.
func (s *Stage) Add(name string, object runtime.Object) {
	s.informers[name].handler.OnAdd(object, false)
}

// ExpectAll expects a sync for a new object of each informer, and for a deletion that the informer learned of late.
func (s *Stage) ExpectAll(objects map[string]runtime.Object) {
	s.t.Helper()
	for name, object := range objects {
		s.Add(name, object)
		s.Expect("a new object on " + name)
		s.informers[name].handler.OnDelete(cache.DeletedFinalStateUnknown{Obj: object})
		s.Expect("a deletion missed by " + name)
	}
}
