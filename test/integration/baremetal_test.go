package integration

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestRemovedOnBareMetalSaysWhatToDo: where there is no storage, the message names candidates and the command to type, and
// the command is true to its word.
func TestRemovedOnBareMetalSaysWhatToDo(t *testing.T) {
	config := fresh(t, configv1.BareMetalPlatformType)
	withoutDefaultClaim(t)
	if config.Spec.ManagementState != operatorv1.Removed || config.Spec.Replicas != 1 {
		t.Errorf("born %s with %d replicas, want Removed with 1", config.Spec.ManagementState, config.Spec.Replicas)
	}
	removed := func(message string) []library.Want {
		return []library.Want{
			{Type: names.Available, Status: "True", Reason: names.ReasonRemoved, Message: message},
			{Type: names.Progressing, Status: "False", Reason: names.ReasonRemoved},
			{Type: names.Degraded, Status: "False", Reason: names.ReasonRemoved},
		}
	}
	cluster.UntilConditions(t, settle, removed("Platform BareMetal has no storage of its own for the registry")...)
	class := &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: "shared-files", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: "files.example.com",
	}
	classes := cluster.Kube.StorageV1().StorageClasses()
	if _, err := classes.Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "shared-files"},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: class.Name, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Gi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "files.example.com", Path: "/images"}},
		},
	}
	if _, err := cluster.Kube.CoreV1().PersistentVolumes().Create(t.Context(), volume, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cluster.Kube.CoreV1().PersistentVolumes().Delete(context.Background(), volume.Name, metav1.DeleteOptions{})
		_ = classes.Delete(context.Background(), class.Name, metav1.DeleteOptions{})
		_ = cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace).Delete(context.Background(), names.DefaultClaim, metav1.DeleteOptions{})
	})
	config = cluster.UntilConditions(t, settle, removed("shared-files (files.example.com, the default)")...)
	cluster.Until(t, settle, "the message in the ClusterOperator, which is all well", func(ctx context.Context) error {
		live, err := cluster.Config.ConfigV1().ClusterOperators().Get(ctx, names.ClusterOperator, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range live.Status.Conditions {
			if condition.Type == configv1.OperatorAvailable && strings.Contains(condition.Message, "shared-files") {
				return nil
			}
		}
		return errors.New("it is not there")
	})

	command := regexp.MustCompile(`oc patch configs\.imageregistry\.operator\.openshift\.io/cluster --type merge -p '([^']*)'`)
	for _, condition := range config.Status.Conditions {
		if condition.Type != names.Available {
			continue
		}
		match := command.FindStringSubmatch(condition.Message)
		if match == nil {
			t.Fatalf("no command in %q", condition.Message)
		}
		cluster.Patch(t, match[1])
	}
	config = cluster.UntilAvailable(t, settle)
	if config.Status.Storage.PVC == nil || config.Status.Storage.PVC.Claim != names.DefaultClaim {
		t.Errorf("status.storage %+v after the command", config.Status.Storage)
	}
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
}
