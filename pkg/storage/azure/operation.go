package azure

import (
	"context"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// operations are what Azure has under way for us, by the resource. They are remembered for the sake of their errors:
// after a restart of the operator the state of the resource tells as much as is needed to go on.
type operations struct {
	mu   sync.Mutex
	open map[string]any
}

func (o *operations) get(key string) any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open[key]
}

func (o *operations) set(key string, poller any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = map[string]any{}
	}
	if poller == nil {
		delete(o.open, key)
		return
	}
	o.open[key] = poller
}

// advance begins the operation on a resource, or looks at the one that is under way, once. It never waits: an operation
// that is not done is looked at again by the next call.
func advance[T any](ctx context.Context, b *backend, key string, begin func(context.Context) (*runtime.Poller[T], error)) (done bool, err error) {
	poller, found := b.clients.operations.get(key).(*runtime.Poller[T])
	if !found {
		if poller, err = do(ctx, b, begin); err != nil {
			return false, err
		}
		b.clients.operations.set(key, poller)
	} else if _, err := do(ctx, b, poller.Poll); err != nil {
		if !mayPass(err) {
			// Asking for the operation may be more than we are allowed to; the resource itself tells how it went.
			b.clients.operations.set(key, nil)
		}
		return false, err
	}
	if !poller.Done() {
		return false, nil
	}
	b.clients.operations.set(key, nil)
	_, err = do(ctx, b, poller.Result)
	return err == nil, err
}
