package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// TestReadsGoOnWhileKeysAreReplaced: an access key is replaced by another, the way a cloud is asked to: the new one is made, the
// registry gets it, the old one goes. Nobody who pulls notices.
func TestReadsGoOnWhileKeysAreReplaced(t *testing.T) {
	managed(t, onS3)
	images := []image{{repository: "e2e/rotation"}}
	images[0].digest = push(t, images[0].repository)
	const first, second = "AKIAROTATIONFIRST", "AKIAROTATIONSECOND"
	for _, id := range []string{first, second} {
		t.Cleanup(func() { _ = cluster.RemoveS3Key(context.Background(), id) })
	}
	secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
	t.Cleanup(func() {
		_ = secrets.Delete(context.Background(), names.PrivateConfigurationUser, metav1.DeleteOptions{})
	})

	reading := startReader(t, images)
	giveKey(t, first)
	untilUsed(t, first, func() error {
		_, err := secrets.Create(t.Context(), credentials(first), metav1.CreateOptions{})
		return err
	})
	reading.mark(t, "the change to the first key")
	giveKey(t, second)
	untilUsed(t, second, func() error {
		_, err := secrets.Update(t.Context(), credentials(second), metav1.UpdateOptions{})
		return err
	})
	reading.mark(t, "the change to the second key")
	if err := cluster.RemoveS3Key(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	pull(t, images[0].repository, images[0].digest)
	push(t, "e2e/rotation-after")
	// Back to what the cloud gave the cluster.
	untilUsed(t, cluster.S3.AccessKeyID, func() error {
		return secrets.Delete(t.Context(), names.PrivateConfigurationUser, metav1.DeleteOptions{})
	})
	reading.mark(t, "the change back to the minted key")
	reading.stop(t)
}

func giveKey(t *testing.T, id string) {
	t.Helper()
	if err := cluster.AddS3Key(t.Context(), id, "secret-of-"+id); err != nil {
		t.Fatal(err)
	}
}

func credentials(id string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser, Namespace: names.OperatorNamespace},
		StringData: map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": id, "REGISTRY_STORAGE_S3_SECRETKEY": "secret-of-" + id},
	}
}

// passedOn is how long the operator may take to hand a key on. That is seconds; what follows is a rollout.
const passedOn = 20 * time.Second

// untilUsed makes a change of credentials, and waits until the registry's Secret has the key, and then until no pod of the
// registry has another one any more.
func untilUsed(t *testing.T, id string, change func() error) {
	t.Helper()
	before, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(t.Context(), names.Registry, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := change(); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, passedOn, "the registry's secret to have key "+id, func(ctx context.Context) error {
		secret, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.PrivateConfiguration, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !bytes.Contains(secret.Data["credentials"], []byte(id)) {
			return errors.New("it has another one")
		}
		return nil
	})
	cluster.Until(t, settle, "all pods to have key "+id, func(ctx context.Context) error {
		deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := deployment.Status
		if status.ObservedGeneration < deployment.Generation || status.UpdatedReplicas != status.Replicas || status.AvailableReplicas == 0 {
			return fmt.Errorf("the rollout is under way: %+v", status)
		}
		pods, err := registryPods(ctx)
		if err != nil {
			return err
		}
		want := deployment.Spec.Template.Annotations[names.DependenciesChecksumAnnotation]
		if want == before.Spec.Template.Annotations[names.DependenciesChecksumAnnotation] {
			return errors.New("the deployment is as it was: the Secret comes first")
		}
		for i := range pods {
			if pods[i].Annotations[names.DependenciesChecksumAnnotation] != want || pods[i].DeletionTimestamp != nil {
				return fmt.Errorf("pod %s is of a former template", pods[i].Name)
			}
		}
		return nil
	})
}
