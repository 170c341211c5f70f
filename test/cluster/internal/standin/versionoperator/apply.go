package versionoperator

import (
	"context"
	"errors"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

// errNotYet marks what only needs time.
var errNotYet = errors.New("not yet")

// record is what was last written to an object.
type record struct {
	resourceVersion string
	required        *unstructured.Unstructured
}

// apply brings one object to what its manifest says.
func (v *operator) apply(ctx context.Context, m Manifest) error {
	existing, err := v.read(ctx, m)
	if err != nil {
		return err
	}
	annotations := m.Object.GetAnnotations()
	switch {
	case annotations[deleteManifest] == "true":
		return v.remove(ctx, m, existing)
	case existing == nil:
		return v.create(ctx, m)
	case annotations[createOnly] == "true":
		return nil
	case existing.GetDeletionTimestamp() != nil:
		return fmt.Errorf("%w: being deleted by someone", errNotYet)
	}
	last := v.applied[m.key()]
	if last.resourceVersion == existing.GetResourceVersion() && equality.Semantic.DeepEqual(last.required, m.Object) {
		return established(existing)
	}
	merged := merge(existing, m.Object, m.kind.exact)
	if equality.Semantic.DeepEqual(merged, existing) {
		v.remember(m, existing)
		return established(existing)
	}
	klog.InfoS("Restoring an object of the release", "manifest", m.String())
	updated, err := v.client(m).Update(ctx, merged, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: deleted meanwhile", errNotYet)
	}
	if err != nil {
		return fmt.Errorf("updating: %w", err)
	}
	v.remember(m, updated)
	return established(updated)
}

func (v *operator) remember(m Manifest, written *unstructured.Unstructured) {
	v.applied[m.key()] = record{resourceVersion: written.GetResourceVersion(), required: m.Object}
}

func (v *operator) create(ctx context.Context, m Manifest) error {
	obj := m.Object.DeepCopy()
	unstructured.RemoveNestedField(obj.Object, "status")
	klog.InfoS("Creating an object of the release", "manifest", m.String())
	created, err := v.client(m).Create(ctx, obj, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating: %w", err)
	}
	v.remember(m, created)
	return established(created)
}

func (v *operator) remove(ctx context.Context, m Manifest, existing *unstructured.Unstructured) error {
	if existing == nil {
		return nil
	}
	if existing.GetDeletionTimestamp() == nil {
		klog.InfoS("Deleting an object that the release removes", "manifest", m.String())
		background := metav1.DeletePropagationBackground
		err := v.client(m).Delete(ctx, m.Object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting: %w", err)
		}
	}
	return fmt.Errorf("%w: waiting for it to be gone", errNotYet)
}

func (v *operator) client(m Manifest) dynamic.ResourceInterface {
	if m.kind.namespaced {
		return v.Dynamic.Resource(m.kind.resource).Namespace(m.Object.GetNamespace())
	}
	return v.Dynamic.Resource(m.kind.resource)
}

// read takes the object from the cache of its kind, which is started when the first object of the kind is due: not earlier,
// since its CRD may be part of the release.
func (v *operator) read(ctx context.Context, m Manifest) (*unstructured.Unstructured, error) {
	informer := v.DynamicInformers.ForResource(m.kind.resource).Informer()
	if err := v.watch(ctx, m.kind.resource, informer); err != nil {
		return nil, err
	}
	key := m.Object.GetName()
	if m.kind.namespaced {
		key = m.Object.GetNamespace() + "/" + key
	}
	obj, exists, err := informer.GetStore().GetByKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading from the cache: %w", err)
	}
	if !exists {
		return nil, nil
	}
	existing, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("reading from the cache: got a %T", obj)
	}
	return existing, nil
}

func (v *operator) watch(ctx context.Context, resource schema.GroupVersionResource, informer cache.SharedIndexInformer) error {
	if v.watched[resource] {
		return nil
	}
	if !informer.HasSynced() {
		v.DynamicInformers.Start(ctx.Done())
		limited, cancel := context.WithTimeout(ctx, cacheTimeout)
		defer cancel()
		if !cache.WaitForCacheSync(limited.Done(), informer.HasSynced) {
			return fmt.Errorf("resource %s cannot be listed: is it served?", resource)
		}
	}
	if err := v.loop.Watch(informer, v.syncIfManaged(resource)); err != nil {
		return err
	}
	v.watched[resource] = true
	return nil
}

// established holds up the release until a CRD is served: its objects may come next.
func established(obj *unstructured.Unstructured) error {
	if obj.GetKind() != crdKind {
		return nil
	}
	status, _ := obj.Object["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any) // null at first
	for _, item := range conditions {
		if c, ok := item.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
			return nil
		}
	}
	return fmt.Errorf("%w: waiting for it to be established", errNotYet)
}

// waitFor lists what the ClusterOperators of the release have not reached yet.
func (v *operator) waitFor(objects []Manifest) []string {
	var out []string
	for _, m := range objects {
		if m.Object.GetKind() != operatorKind {
			continue
		}
		required, err := loop.Typed[configv1.ClusterOperator](m.Object)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		live, err := loop.Cached[configv1.ClusterOperator](v.Cluster, gvr.ClusterOperators, m.Object.GetName())
		if err != nil {
			out = append(out, "cluster operator "+m.Object.GetName()+" does not exist yet")
			continue
		}
		if missing := lacks(live, required.Status.Versions); missing != "" {
			out = append(out, "cluster operator "+live.Name+" "+missing)
		}
	}
	return out
}

// lacks says what keeps a ClusterOperator from being where the release wants it.
func lacks(live *configv1.ClusterOperator, versions []configv1.OperandVersion) string {
	has := map[string]string{}
	for _, v := range live.Status.Versions {
		has[v.Name] = v.Version
	}
	for _, v := range versions {
		if has[v.Name] != v.Version {
			return fmt.Sprintf("reports %s version %q, not %q", v.Name, has[v.Name], v.Version)
		}
	}
	status := map[configv1.ClusterStatusConditionType]configv1.ConditionStatus{}
	for _, c := range live.Status.Conditions {
		status[c.Type] = c.Status
	}
	switch {
	case status[configv1.OperatorAvailable] != configv1.ConditionTrue:
		return "is not available"
	case status[configv1.OperatorDegraded] != configv1.ConditionFalse:
		return "is degraded"
	}
	return ""
}
