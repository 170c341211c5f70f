// Package synctest is what the tests of controllers share that run single syncs: the parts every controller takes, and
// caches that are filled from a fake API server when the test says so.
package synctest

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
)

// Now is what the clock shows at first.
var Now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Parts makes those that every controller takes, around a Config.
func Parts(config *imageregistryv1.Config) (*clocktesting.FakePassiveClock, *operatorclienttest.Client, events.InMemoryRecorder, factory.SyncContext) {
	clock := clocktesting.NewFakePassiveClock(Now)
	recorder := events.NewInMemoryRecorder("test", clock)
	return clock, operatorclienttest.New(config, clock), recorder, factory.NewSyncContext("test", recorder)
}

// Indexer is an empty cache.
func Indexer() cache.Indexer {
	return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
}

// Refill makes the objects the whole content of a cache.
func Refill[T any](t *testing.T, indexer cache.Indexer, objects []T) {
	t.Helper()
	items := make([]any, 0, len(objects))
	for i := range objects {
		items = append(items, &objects[i])
	}
	Must(t, indexer.Replace(items, ""))
}

// Must ends the test on an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Synced is an informer that has synced, or has not.
type Synced bool

// AddEventHandler does nothing: there are no events.
func (Synced) AddEventHandler(cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return nil, nil
}

// HasSynced tells it.
func (s Synced) HasSynced() bool { return bool(s) }
