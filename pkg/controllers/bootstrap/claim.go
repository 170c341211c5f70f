package bootstrap

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// claimSize is the size of a claim made at bootstrap.
const claimSize = "100Gi"

// newClaim is the claim a platform's default storage needs. An empty class is the cluster's default.
func newClaim(claim storage.DefaultClaim) *corev1.PersistentVolumeClaim {
	made := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   names.OperatorNamespace,
			Name:        claim.Name,
			Annotations: map[string]string{names.OwnedAnnotation: "true"},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(claimSize)},
			},
		},
	}
	if claim.StorageClass != "" {
		made.Spec.StorageClassName = &claim.StorageClass
	}
	return made
}

// ensureClaim makes the claim of platforms whose storage is one. An existing one is used as it is.
func (c *controller) ensureClaim(ctx context.Context, recorder events.Recorder, platform storage.Default) error {
	if platform.Claim == nil {
		return nil
	}
	claim := *platform.Claim
	_, err := c.StorageClassClient.Get(ctx, claim.StorageClass, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		recorder.Warningf("StorageClassNotFound", "storageclass %s does not exist: claim %s/%s gets the default class", claim.StorageClass, names.OperatorNamespace, claim.Name)
		claim.StorageClass = ""
	} else if err != nil {
		return fmt.Errorf("reading storageclass %s: %w", claim.StorageClass, err)
	}
	_, err = c.ClaimClient.Create(ctx, newClaim(claim), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating persistentvolumeclaim %s/%s: %w", names.OperatorNamespace, claim.Name, err)
	}
	recorder.Eventf("PersistentVolumeClaimCreated", "Created PersistentVolumeClaim %s/%s (%s, ReadWriteOnce) for the default storage of this platform",
		names.OperatorNamespace, claim.Name, claimSize)
	return nil
}
