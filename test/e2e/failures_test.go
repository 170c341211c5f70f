package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// TestStorageFailuresSayWhatToDoAndHeal: each failure shows its exact conditions beside a registry that goes on, and
// heals without a restart of the operator.
func TestStorageFailuresSayWhatToDoAndHeal(t *testing.T) {
	const foreign = "e2e-of-somebody-else"
	if err := cluster.CreateForeignBucket(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	digest := ""
	config := managed(t, onS3)
	bucket := config.Status.Storage.S3.Bucket
	digest = push(t, "e2e/failures")
	tests := []struct {
		name, edit, undo string
		wants            []library.Want
	}{
		{
			"a bucket of another owner", `{"spec":{"storage":{"s3":{"bucket":"` + foreign + `"}}}}`, `{"spec":{"storage":{"s3":{"bucket":"` + bucket + `"}}}}`,
			[]library.Want{
				{Type: names.StorageExists, Status: "False", Reason: "Unable to Access Bucket", Message: foreign},
				{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "choose another in spec.storage.s3.bucket"},
				{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			},
		},
		{
			"an endpoint where nobody listens",
			// An address cannot have the bucket's name before it.
			`{"spec":{"storage":{"s3":{"regionEndpoint":"https://10.0.0.3:1","virtualHostedStyle":false}}}}`,
			`{"spec":{"storage":{"s3":{"regionEndpoint":"` + cluster.S3.Endpoint + `","virtualHostedStyle":true}}}}`,
			[]library.Want{
				{Type: names.StorageExists, Status: "Unknown", Reason: "Unknown Error Occurred", Message: "https://10.0.0.3:1 cannot be reached: "},
				{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "check spec.storage.s3.regionEndpoint, the cluster proxy and the network"},
				{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			},
		},
		{
			"two backends", `{"spec":{"storage":{"emptyDir":{}}}}`, `{"spec":{"storage":{"emptyDir":null}}}`,
			[]library.Want{
				{Type: names.StorageReady, Status: "False", Reason: names.ReasonMultipleStoragesConfigured, Message: "[EmptyDir S3]; remove all but one"},
				{Type: names.Degraded, Status: "True", Reason: names.ReasonMultipleStoragesConfigured, Message: "[EmptyDir S3]; remove all but one"},
				{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster.Patch(t, test.edit)
			cluster.UntilConditions(t, settle, test.wants...)
			pull(t, "e2e/failures", digest)
			cluster.Patch(t, test.undo)
			cluster.UntilAvailable(t, settle)
			pull(t, "e2e/failures", digest)
		})
	}
}

func TestWrongCredentialsHeal(t *testing.T) {
	managed(t, onS3)
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
	secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser},
		StringData: map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": "AKIANOSUCHKEY", "REGISTRY_STORAGE_S3_SECRETKEY": "nosuchsecret"},
	}
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}) })
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "False", Reason: "InvalidAccessKeyId", Message: names.PrivateConfigurationUser},
		library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "correct the secret"},
		library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonError, Message: "correct the secret"},
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonDeploymentNotFound},
	)
	if err := secrets.Delete(t.Context(), secret.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.UntilAvailable(t, settle)
	push(t, "e2e/credentials")
}

// TestUntrustedCertificate: an S3 server whose authority nobody named is refused with a message that says how to
// name it.
func TestUntrustedCertificate(t *testing.T) {
	managed(t, onS3)
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	other, err := os.ReadFile(cluster.S3.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	service, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(t.Context(), names.ServiceCA, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The service CA is a real authority, only not the one that signed the S3 server's certificate.
	wrong := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "e2e-s3-ca"}, Data: map[string]string{"ca-bundle.crt": service.Data[names.ServiceCAKey]}}
	wrong, err = maps.Create(t.Context(), wrong, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.Background(), wrong.Name, metav1.DeleteOptions{}) })
	cluster.Patch(t, `{"spec":{"storage":{"s3":{"trustedCA":{"name":"e2e-s3-ca"}}}}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "Unknown", Reason: "Unknown Error Occurred", Message: cluster.S3.Endpoint + " presents a certificate that is not trusted: "},
		library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "put its CA into a configmap in openshift-config, key ca-bundle.crt, and name that in spec.storage.s3.trustedCA"},
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
	)
	wrong.Data["ca-bundle.crt"] = string(other)
	if _, err := maps.Update(t.Context(), wrong, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.UntilAvailable(t, settle)
	push(t, "e2e/certificate")
	cluster.Patch(t, `{"spec":{"storage":{"s3":{"trustedCA":{"name":""}}}}}`)
	cluster.UntilAvailable(t, settle)
}

// TestACloudOutageStopsNothingElse: with the cloud down, a CA and a replica count reach the pods.
func TestACloudOutageStopsNothingElse(t *testing.T) {
	managed(t, onS3)
	// Only the operator loses the cloud: the registry's own health check would take its pods out of service.
	cluster.SetFaults(t, library.Fault{Match: library.FaultMatch{UserAgent: "cluster-image-registry-operator"}, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"})
	cluster.Patch(t, `{"spec":{"rolloutStrategy":"RollingUpdate","replicas":2,"storage":{"s3":{"bucket":"e2e-during-the-outage"}}}}`)
	certificate := trust(t, "outage.test")
	cluster.Until(t, settle, "the CA map", func(ctx context.Context) error { return published(ctx, "outage.test") })
	cluster.Until(t, settle, "two pods with the new CA", func(ctx context.Context) error { return trusting(ctx, certificate, 2) })
	cluster.UntilConditions(t, settle, library.Want{Type: names.StorageReady, Status: "False"}, library.Want{Type: names.Available, Status: "True"})
	cluster.HealS3(t)
	cluster.Until(t, settle, "the new bucket after the outage", func(ctx context.Context) error {
		return storageIs(ctx, func(s imageregistryv1.ImageRegistryConfigStorage) bool {
			return s.S3 != nil && s.S3.Bucket == "e2e-during-the-outage"
		})
	})
	// Two replicas stay until the rollout has ended: a Deployment that is scaled to the number of its old pods at the moment
	// when its new ReplicaSet is empty never goes on (kubernetes/kubernetes#138840).
	cluster.UntilAvailable(t, settle)
	push(t, "e2e/after-the-outage")
}

func TestNoStorageOnPlatformNone(t *testing.T) {
	recreated(t, configv1.NonePlatformType)
	cluster.UntilConditions(t, settle, library.Want{Type: names.Available, Status: "True", Reason: names.ReasonRemoved})
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonStorageNotConfigured},
		library.Want{Type: names.Progressing, Status: "False", Reason: names.ReasonError},
		library.Want{Type: names.Degraded, Status: "True", Reason: names.ReasonStorageNotConfigured, Message: "spec.storage"},
	)
	cluster.Patch(t, `{"spec":{"storage":{"emptyDir":{}}}}`)
	cluster.UntilAvailable(t, settle)
}

func storageIs(ctx context.Context, want func(imageregistryv1.ImageRegistryConfigStorage) bool) error {
	config, err := cluster.GetConfig(ctx)
	if err == nil && !want(config.Status.Storage) {
		err = fmt.Errorf("status.storage %+v", config.Status.Storage)
	}
	return err
}
