package operatorclient

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// live is the Client over a real API server. Reads come from the informer's cache, or from the answer to a write of this
// process that the cache does not show yet.
type live struct {
	lister  imageregistrylisters.ConfigLister
	client  Patcher
	clock   clock.PassiveClock
	written written
}

// New returns a Client that reads from lister and writes through client. The informer behind lister must keep
// managedFields: they say which status fields each manager owns.
func New(lister imageregistrylisters.ConfigLister, client Patcher, clock clock.PassiveClock) Client {
	return &live{lister: lister, client: client, clock: clock}
}

func (c *live) Config() (*imageregistryv1.Config, error) {
	cached, err := c.lister.Get(names.Cluster)
	if err != nil {
		return nil, err
	}
	return c.written.newer(cached, c.clock.Now()), nil
}

func (c *live) Patch(ctx context.Context, manager string, config *imageregistryv1.Config, changes ...Change) (*imageregistryv1.Config, error) {
	if len(changes) == 0 {
		return config, nil
	}
	return c.patch(ctx, manager, config, changes)
}

func (c *live) ReplaceStorage(ctx context.Context, manager string, config *imageregistryv1.Config, storage imageregistryv1.ImageRegistryConfigStorage, managed bool) (*imageregistryv1.Config, error) {
	changes := []Change{Set("/status/storage", storage), Set("/status/storageManaged", managed)}
	if !HasStatus(config) {
		changes = []Change{Set("/status", map[string]any{"storage": storage, "storageManaged": managed})}
	}
	return c.patch(ctx, manager, config, changes, "status")
}

// HasStatus tells whether the stored object has a status. Content says so; an empty one looks like none in the typed
// object, but managedFields record who wrote it.
func HasStatus(config *imageregistryv1.Config) bool {
	if !equality.Semantic.DeepEqual(config.Status, imageregistryv1.ImageRegistryStatus{}) {
		return true
	}
	for _, entry := range config.ManagedFields {
		if entry.Subresource == "status" {
			return true
		}
	}
	return false
}

func (c *live) patch(ctx context.Context, manager string, config *imageregistryv1.Config, changes []Change, subresources ...string) (*imageregistryv1.Config, error) {
	// Setting resourceVersion, rather than testing it, makes the server answer a stale patch with 409 Conflict; a
	// failed test would be 422 Invalid, which nobody could tell from a value that the schema refuses.
	steps := append([]Change{Set("/metadata/resourceVersion", config.ResourceVersion)}, changes...)
	body, err := json.Marshal(steps)
	if err != nil {
		return nil, fmt.Errorf("encoding patch of config %s: %w", config.Name, err)
	}
	paths := make([]string, 0, len(changes))
	for _, change := range changes {
		paths = append(paths, change.Path)
	}
	patched, err := c.client.Patch(ctx, config.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: manager}, subresources...)
	if err != nil {
		return nil, fmt.Errorf("patching %v of config %s: %w", paths, config.Name, err)
	}
	c.written.remember(patched, c.clock.Now())
	klog.V(2).InfoS("object changed", "kind", "Config", "name", config.Name, "manager", manager, "paths", paths)
	return patched, nil
}

func (c *live) ApplyStatus(ctx context.Context, manager string, status Status) error {
	config, err := c.Config()
	if err != nil {
		return fmt.Errorf("reading config %s: %w", names.Cluster, err)
	}
	if !HasStatus(config) {
		// The schema requires status.storage as soon as there is a status: bootstrap is about to write it, and the event
		// brings the caller back.
		return nil
	}
	status.Conditions = withTransitionTimes(config.Status.Conditions, status.Conditions, metav1.NewTime(c.clock.Now()))
	owned, err := ownedStatus(config, manager)
	if err != nil {
		return err
	}
	if owned.covers(config, status) {
		return nil
	}
	body, err := json.Marshal(applyBody(config, status))
	if err != nil {
		return fmt.Errorf("encoding status of config %s: %w", config.Name, err)
	}
	force := true
	applied, err := c.client.Patch(ctx, config.Name, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: manager, Force: &force}, "status")
	if err != nil {
		return fmt.Errorf("applying status of config %s as %s: %w", config.Name, manager, err)
	}
	c.written.remember(applied, c.clock.Now())
	klog.V(2).InfoS("object changed", "kind", "Config", "name", config.Name, "manager", manager, "paths", []string{"/status"})
	return nil
}

func (c *live) DropConditions(ctx context.Context, manager string, config *imageregistryv1.Config, types ...string) (*imageregistryv1.Config, error) {
	changes := dropping(config, types)
	if len(changes) == 0 {
		return config, nil
	}
	return c.patch(ctx, manager, config, changes, "status")
}
