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

// applyPair keeps what was learned, with the location it belongs to, the credentials that it was learned by and whether
// the operator created the medium there.
func (p *pass) applyPair(ctx context.Context, result *storage.Result, by credentials) error {
	want := storage.EncodePair(result.Coordinates, result.Facts)
	if by.secret != "" {
		want = storage.WithCredentials(want, by.record())
	}
	if p.created(result.Coordinates) {
		want = storage.WithCreation(want)
	}
	return p.keepSecret(ctx, names.StoragePair, want)
}

// keepSecret makes the data of one of our Secrets what want says.
func (p *pass) keepSecret(ctx context.Context, name string, want map[string][]byte) error {
	have, err := p.Secret(name)
	if err != nil {
		return err
	}
	path := names.OperatorNamespace + "/" + name
	if have == nil {
		klog.V(2).InfoS("object changed", "kind", "Secret", "name", name, "change", "created")
		_, err := p.SecretClient.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: names.OperatorNamespace},
			Type:       corev1.SecretTypeOpaque,
			Data:       want,
		}, metav1.CreateOptions{FieldManager: names.StorageController})
		if apierrors.IsAlreadyExists(err) {
			return apierrors.NewConflict(corev1.Resource("secrets"), name, err)
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
	klog.V(2).InfoS("object changed", "kind", "Secret", "name", name, "change", "data")
	if _, err := p.SecretClient.Update(ctx, next, metav1.UpdateOptions{FieldManager: names.StorageController}); err != nil {
		return fmt.Errorf("updating secret %s: %w", path, err)
	}
	return nil
}

// dropSecret deletes one of our Secrets: what it says holds no longer, and it holds credentials.
func (p *pass) dropSecret(ctx context.Context, name string) error {
	have, err := p.Secret(name)
	if err != nil || have == nil {
		return err
	}
	err = p.SecretClient.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting secret %s/%s: %w", names.OperatorNamespace, name, err)
	}
	return nil
}

func equal(a, b storage.Coordinates) bool { return apiequality.Semantic.DeepEqual(a, b) }
