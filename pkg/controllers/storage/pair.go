package storage

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// applyPair keeps what was learned, with the location it belongs to and whether the operator created the medium
// there.
func (p *pass) applyPair(ctx context.Context, result *storage.Result) error {
	want := storage.EncodePair(result.Coordinates, result.Facts)
	if p.created(result.Coordinates) {
		want = storage.WithCreation(want)
	}
	have, err := p.secret(names.StoragePair)
	if err != nil {
		return err
	}
	path := names.OperatorNamespace + "/" + names.StoragePair
	if have == nil {
		klog.V(2).InfoS("object changed", "kind", "Secret", "name", names.StoragePair, "change", "created")
		_, err := p.SecretClient.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: names.StoragePair, Namespace: names.OperatorNamespace},
			Type:       corev1.SecretTypeOpaque,
			Data:       want,
		}, metav1.CreateOptions{FieldManager: names.StorageController})
		if apierrors.IsAlreadyExists(err) {
			return apierrors.NewConflict(corev1.Resource("secrets"), names.StoragePair, err)
		}
		if err != nil {
			return fmt.Errorf("creating secret %s: %w", path, err)
		}
		return nil
	}
	if maps.EqualFunc(have.Data, want, bytes.Equal) {
		return nil
	}
	next := have.DeepCopy()
	next.Data = want
	klog.V(2).InfoS("object changed", "kind", "Secret", "name", names.StoragePair, "change", "data")
	if _, err := p.SecretClient.Update(ctx, next, metav1.UpdateOptions{FieldManager: names.StorageController}); err != nil {
		return fmt.Errorf("updating secret %s: %w", path, err)
	}
	return nil
}

// dropPair deletes what was learned about a location that is no longer used: it holds credentials.
func (p *pass) dropPair(ctx context.Context) error {
	have, err := p.secret(names.StoragePair)
	if err != nil || have == nil {
		return err
	}
	err = p.SecretClient.Delete(ctx, names.StoragePair, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting secret %s/%s: %w", names.OperatorNamespace, names.StoragePair, err)
	}
	return nil
}

func equal(a, b storage.Coordinates) bool { return apiequality.Semantic.DeepEqual(a, b) }
