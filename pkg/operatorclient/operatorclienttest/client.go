// Package operatorclienttest has an in-memory operatorclient.Client that behaves as the API server does where it
// matters to controllers: one resourceVersion per write, conflicts on stale patches, complete-set semantics of
// server-side apply per manager, and managedFields for what patches set. The generated fake clientset does none of it.
package operatorclienttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

var resource = imageregistryv1.Resource("configs")

// Client is the fake. The zero value is not usable: see New.
type Client struct {
	mu      sync.Mutex
	config  *imageregistryv1.Config
	clock   clock.PassiveClock
	applied map[string]operatorclient.Status
	managed managedPaths
	writes  []string
	fail    map[string]error
}

var _ operatorclient.Client = &Client{}

// New returns a fake that holds config; nil means that there is none.
func New(config *imageregistryv1.Config, clock clock.PassiveClock) *Client {
	c := &Client{clock: clock, applied: map[string]operatorclient.Status{}, managed: managedPaths{}, fail: map[string]error{}}
	if config != nil {
		c.Replace(config)
	}
	return c
}

// Replace stores config as an administrator's edit would: it gets a new resourceVersion, and a new generation when
// its spec differs.
func (c *Client) Replace(config *imageregistryv1.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(config.DeepCopy())
}

// Delete removes the object at once.
func (c *Client) Delete() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config = nil
}

// Writes lists what has been written, as "<verb> <manager> <paths or condition types>", oldest first.
func (c *Client) Writes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.writes...)
}

// ForgetWrites empties the list that Writes returns.
func (c *Client) ForgetWrites() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = nil
}

// Fail makes every later call of the verb (patch, storage, status or drop) return err; nil heals it.
func (c *Client) Fail(verb string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail[verb] = err
}

// Config returns a copy of the stored object.
func (c *Client) Config() (*imageregistryv1.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config == nil {
		return nil, apierrors.NewNotFound(resource, names.Cluster)
	}
	return c.config.DeepCopy(), nil
}

// Patch applies the changes as the API server would.
func (c *Client) Patch(_ context.Context, manager string, config *imageregistryv1.Config, changes ...operatorclient.Change) (*imageregistryv1.Config, error) {
	if len(changes) == 0 {
		return config, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.precondition("patch", config); err != nil {
		return nil, err
	}
	patched, err := jsonPatched(c.config, changes)
	if err != nil {
		return nil, err
	}
	patched.Status = c.config.Status
	paths := make([]string, 0, len(changes))
	for _, change := range changes {
		paths = append(paths, change.Path)
		c.managed.record(manager, change)
	}
	c.writes = append(c.writes, fmt.Sprintf("patch %s %s", manager, strings.Join(paths, " ")))
	if patched.DeletionTimestamp != nil && len(patched.Finalizers) == 0 {
		c.config = nil
		return patched, nil
	}
	c.store(patched)
	return c.config.DeepCopy(), nil
}

// ReplaceStorage replaces status.storage.
func (c *Client) ReplaceStorage(_ context.Context, manager string, config *imageregistryv1.Config, storage imageregistryv1.ImageRegistryConfigStorage, managed bool) (*imageregistryv1.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.precondition("storage", config); err != nil {
		return nil, err
	}
	next := c.config.DeepCopy()
	next.Status.Storage, next.Status.StorageManaged = *storage.DeepCopy(), managed
	c.writes = append(c.writes, "storage "+manager)
	c.store(next)
	return c.config.DeepCopy(), nil
}

// ApplyStatus applies the complete set of the manager.
func (c *Client) ApplyStatus(_ context.Context, manager string, status operatorclient.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fail["status"]; err != nil {
		return err
	}
	if c.config == nil {
		return apierrors.NewNotFound(resource, names.Cluster)
	}
	before, next := statusJSON(c.config), c.config.DeepCopy()
	dropOwned(next, c.applied[manager], status)
	mergeStatus(next, status, metav1.NewTime(c.clock.Now()))
	c.applied[manager] = status
	if statusJSON(next) == before {
		return nil
	}
	types := make([]string, 0, len(status.Conditions))
	for _, condition := range status.Conditions {
		types = append(types, fmt.Sprintf("%s=%s/%s", condition.Type, condition.Status, condition.Reason))
	}
	c.writes = append(c.writes, fmt.Sprintf("status %s %s", manager, strings.Join(types, " ")))
	c.store(next)
	return nil
}

// DropConditions removes conditions of any manager.
func (c *Client) DropConditions(_ context.Context, manager string, config *imageregistryv1.Config, types ...string) (*imageregistryv1.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.precondition("drop", config); err != nil {
		return nil, err
	}
	next := c.config.DeepCopy()
	next.Status.Conditions = slices.DeleteFunc(next.Status.Conditions, func(condition operatorv1.OperatorCondition) bool {
		return slices.Contains(types, condition.Type)
	})
	if len(next.Status.Conditions) == len(c.config.Status.Conditions) {
		return config, nil
	}
	c.writes = append(c.writes, fmt.Sprintf("drop %s %s", manager, strings.Join(types, " ")))
	c.store(next)
	return c.config.DeepCopy(), nil
}

func (c *Client) precondition(verb string, config *imageregistryv1.Config) error {
	if err := c.fail[verb]; err != nil {
		return err
	}
	if c.config == nil {
		return apierrors.NewNotFound(resource, names.Cluster)
	}
	if config.ResourceVersion != c.config.ResourceVersion {
		return apierrors.NewConflict(resource, names.Cluster, fmt.Errorf("have version %s, patch is for %s", c.config.ResourceVersion, config.ResourceVersion))
	}
	return nil
}

// store makes config the stored object. The caller holds the lock and does not keep config.
func (c *Client) store(config *imageregistryv1.Config) {
	version, generation := 0, int64(1)
	if c.config != nil {
		version, _ = strconv.Atoi(c.config.ResourceVersion)
		generation = c.config.Generation
		if mustJSON(c.config.Spec) != mustJSON(config.Spec) {
			generation++
		}
	}
	if config.Generation > generation {
		generation = config.Generation
	}
	config.Generation, config.ResourceVersion = generation, strconv.Itoa(version+1)
	config.ManagedFields = c.managed.entries(config.ManagedFields)
	c.config = config
}

func jsonPatched(config *imageregistryv1.Config, changes []operatorclient.Change) (*imageregistryv1.Config, error) {
	body, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		return nil, err
	}
	document, err := patch.Apply([]byte(mustJSON(config)))
	if err != nil {
		return nil, apierrors.NewInvalid(imageregistryv1.SchemeGroupVersion.WithKind("Config").GroupKind(), config.Name, nil)
	}
	patched := &imageregistryv1.Config{}
	return patched, json.Unmarshal(document, patched)
}

func dropOwned(config *imageregistryv1.Config, had, has operatorclient.Status) {
	kept := []operatorv1.OperatorCondition{}
	for _, condition := range config.Status.Conditions {
		if !hasCondition(had.Conditions, condition.Type) || hasCondition(has.Conditions, condition.Type) {
			kept = append(kept, condition)
		}
	}
	config.Status.Conditions = kept
}

func hasCondition(conditions []operatorv1.OperatorCondition, conditionType string) bool {
	for _, condition := range conditions {
		if condition.Type == conditionType {
			return true
		}
	}
	return false
}

func mergeStatus(config *imageregistryv1.Config, status operatorclient.Status, now metav1.Time) {
	for _, condition := range status.Conditions {
		condition.LastTransitionTime = now
		mergeCondition(&config.Status.Conditions, condition)
	}
	for _, generation := range status.Generations {
		mergeGeneration(&config.Status.Generations, generation)
	}
	if status.ObservedGeneration != nil {
		config.Status.ObservedGeneration = *status.ObservedGeneration
	}
	if status.ReadyReplicas != nil {
		config.Status.ReadyReplicas = *status.ReadyReplicas
	}
}

func mergeCondition(conditions *[]operatorv1.OperatorCondition, condition operatorv1.OperatorCondition) {
	for i, old := range *conditions {
		if old.Type != condition.Type {
			continue
		}
		if old.Status == condition.Status {
			condition.LastTransitionTime = old.LastTransitionTime
		}
		(*conditions)[i] = condition
		return
	}
	*conditions = append(*conditions, condition)
}

func mergeGeneration(generations *[]operatorv1.GenerationStatus, generation operatorv1.GenerationStatus) {
	for i, old := range *generations {
		if old.Group == generation.Group && old.Resource == generation.Resource && old.Namespace == generation.Namespace && old.Name == generation.Name {
			(*generations)[i] = generation
			return
		}
	}
	*generations = append(*generations, generation)
}

func statusJSON(config *imageregistryv1.Config) string { return mustJSON(config.Status) }

func mustJSON(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // API types always encode
	}
	return string(body)
}
