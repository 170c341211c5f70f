package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

func TestAWSDefaults(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	config := cluster.UntilAvailable(t, settle)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "True", Reason: "S3 Bucket Exists"},
		library.Want{Type: names.StorageTagged, Status: "True", Reason: "Tagging Successful"},
		library.Want{Type: names.StorageEncrypted, Status: "True", Reason: "Encryption Successful"},
		library.Want{Type: names.StoragePublicAccessBlocked, Status: "True", Reason: "Public Access Block Successful"},
		library.Want{Type: names.StorageIncompleteUploadCleanupEnabled, Status: "True", Reason: "Enable Cleanup Successful"},
	)
	s3 := config.Spec.Storage.S3
	if s3.Bucket == "" || s3.Region != cluster.S3.Region || s3.RegionEndpoint != cluster.S3.Endpoint || !s3.VirtualHostedStyle || !s3.Encrypt {
		t.Errorf("spec.storage.s3 %+v, want bucket, region, endpoint, virtual hosted style and encryption filled in", s3)
	}
	if config.Spec.Storage.ManagementState != "Managed" {
		t.Errorf("spec.storage.managementState %q, want Managed", config.Spec.Storage.ManagementState)
	}
	untilDeployment(t, "its bucket", all(
		env("REGISTRY_STORAGE", "s3"), env("REGISTRY_STORAGE_S3_BUCKET", s3.Bucket), env("REGISTRY_STORAGE_S3_REGION", s3.Region),
		env("REGISTRY_STORAGE_S3_ENCRYPT", "true"), env("REGISTRY_STORAGE_S3_FORCEPATHSTYLE", "false"),
		env("REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH", "/var/run/secrets/cloud/credentials"),
	))
}

func TestOneRolloutOnInstallation(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	sets, err := cluster.Kube.AppsV1().ReplicaSets(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: names.RegistryLabel + "=" + names.RegistryLabelValue})
	if err != nil {
		t.Fatal(err)
	}
	if len(sets.Items) != 1 {
		t.Errorf("%d replica sets after an installation, want 1: something was rendered before it was known", len(sets.Items))
	}
}

func TestAnExistingBucketStaysTheAdministrators(t *testing.T) {
	const bucket = "of-the-administrator"
	if err := cluster.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	cluster.Patch(t, `{"spec":{"storage":{"s3":{"bucket":"`+bucket+`"}}}}`)
	config := cluster.UntilAvailable(t, settle)
	if config.Status.Storage.S3.Bucket != bucket || config.Status.Storage.ManagementState != "Unmanaged" || config.Status.StorageManaged {
		t.Errorf("status.storage %+v, want bucket %s Unmanaged: it was there before", config.Status.Storage, bucket)
	}
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
	requireBucket(t, bucket, true)
}

func TestWrongCredentials(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser},
		StringData: map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": "AKIANOSUCHKEY", "REGISTRY_STORAGE_S3_SECRETKEY": "nosuchsecret"},
	}
	secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}) })
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	config := cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "False", Reason: "InvalidAccessKeyId", Message: names.PrivateConfigurationUser},
		library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "correct the secret"},
		library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonError, Message: "correct the secret"},
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonDeploymentNotFound},
	)
	for _, condition := range config.Status.Conditions {
		if strings.Contains(condition.Message, "nosuchsecret") {
			t.Errorf("condition %s shows the secret key", condition.Type)
		}
	}
	if strings.Contains(operator.Log(), "nosuchsecret") {
		t.Error("the log shows the secret key")
	}
	if err := secrets.Delete(t.Context(), secret.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.UntilAvailable(t, settle)
}

func TestBucketOfAnotherAccount(t *testing.T) {
	const bucket = "of-somebody-else"
	if err := cluster.CreateForeignBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	fresh(t, configv1.AWSPlatformType)
	before := cluster.UntilAvailable(t, settle).Status.Storage.S3.Bucket
	cluster.Patch(t, `{"spec":{"storage":{"s3":{"bucket":"`+bucket+`"}}}}`)
	config := cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageExists, Status: "False", Reason: "Unable to Access Bucket", Message: bucket},
		library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonError, Message: "choose another in spec.storage.s3.bucket"},
		library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
	)
	if config.Status.Storage.S3.Bucket != before {
		t.Errorf("status.storage names bucket %s; the registry must go on with %s", config.Status.Storage.S3.Bucket, before)
	}
	untilDeployment(t, "the old bucket", env("REGISTRY_STORAGE_S3_BUCKET", before))
	cluster.Patch(t, `{"spec":{"storage":{"s3":{"bucket":"`+before+`"}}}}`)
	cluster.UntilAvailable(t, settle)
}

// TestCloudOutage breaks the cloud in several ways and shows that everything else still rolls out, and that the
// operator recovers by itself.
func TestCloudOutage(t *testing.T) {
	tests := map[string]library.Fault{
		"the cloud answers 503":        {Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"},
		"the cloud throttles":          {Status: http.StatusServiceUnavailable, Code: "SlowDown", RetryAfter: 1},
		"the cloud swallows requests":  {Blackhole: true},
		"the cloud has internal error": {Status: http.StatusInternalServerError, Code: "InternalError"},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			fresh(t, configv1.AWSPlatformType)
			before := cluster.UntilAvailable(t, settle).Status.Storage.S3.Bucket
			cluster.SetFaults(t, fault)
			cluster.Patch(t, `{"spec":{"replicas":3,"storage":{"s3":{"bucket":"during-an-outage"}}}}`)
			untilDeployment(t, "the replica count during an outage", all(replicas(3), env("REGISTRY_STORAGE_S3_BUCKET", before)))
			config := cluster.UntilConditions(t, settle,
				library.Want{Type: names.StorageReady, Status: "False"},
				library.Want{Type: names.Available, Status: "True"},
				library.Want{Type: names.Degraded, Status: "False"},
			)
			if config.Status.ObservedGeneration == config.Generation {
				t.Error("observedGeneration says that the new storage has been dealt with")
			}
			cluster.HealS3(t)
			config = cluster.UntilAvailable(t, 3*time.Minute)
			if config.Status.Storage.S3.Bucket != "during-an-outage" {
				t.Errorf("status.storage names %s after the outage", config.Status.Storage.S3.Bucket)
			}
		})
	}
}

func TestUntrustedCertificateAndUnreachableEndpoint(t *testing.T) {
	trusted := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "not-its-ca"}, Data: map[string]string{"ca-bundle.crt": library.SelfSignedCA(t, "not its CA")},
	}
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	if _, err := maps.Create(t.Context(), trusted, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.Background(), trusted.Name, metav1.DeleteOptions{}) })
	tests := map[string]struct{ storage, message string }{
		"another CA is trusted": {`{"bucket":"b","region":"us-east-1","regionEndpoint":"` + "ENDPOINT" + `","trustedCA":{"name":"not-its-ca"}}`, "name that in spec.storage.s3.trustedCA"},
		"nobody listens there":  {`{"bucket":"b","region":"us-east-1","regionEndpoint":"https://127.0.0.1:1"}`, "https://127.0.0.1:1 cannot be reached: "},
		"no such trusted CA":    {`{"bucket":"b","region":"us-east-1","regionEndpoint":"` + "ENDPOINT" + `","trustedCA":{"name":"no-such-ca"}}`, "no-such-ca"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fresh(t, configv1.NonePlatformType)
			secret := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser},
				StringData: map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": cluster.S3.AccessKeyID, "REGISTRY_STORAGE_S3_SECRETKEY": cluster.S3.SecretAccessKey},
			}
			secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
			if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}) })
			storage := strings.ReplaceAll(test.storage, "ENDPOINT", cluster.S3.Endpoint)
			cluster.Patch(t, `{"spec":{"managementState":"Managed","storage":{"s3":`+storage+`}}}`)
			cluster.UntilConditions(t, settle,
				library.Want{Type: names.StorageReady, Status: "False", Message: test.message},
				library.Want{Type: names.Available, Status: "False"},
				library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonError, Message: test.message},
			)
			cluster.Patch(t, `{"spec":{"storage":{"s3":null,"emptyDir":{}}}}`)
			cluster.UntilAvailable(t, settle)
		})
	}
}

func create(t *testing.T, object managedObject, content map[string]any) {
	t.Helper()
	if _, err := object.client().Create(t.Context(), &unstructured.Unstructured{Object: content}, metav1.CreateOptions{}); err != nil {
		t.Fatalf("creating %s: %v", object, err)
	}
}

func patchImage(t *testing.T, patch string) {
	t.Helper()
	if _, err := cluster.Config.ConfigV1().Images().Patch(context.WithoutCancel(t.Context()), names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatalf("patching the image config with %s: %v", patch, err)
	}
}

func requireKey(t *testing.T, key string) {
	t.Helper()
	cluster.Until(t, settle, "key "+key+" in "+certificates.String(), func(ctx context.Context) error {
		published, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(ctx, names.Certificates, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if published.Data[key] == "" {
			return fmt.Errorf("it has %d other keys", len(published.Data))
		}
		return nil
	})
}

func serviceCAText(t *testing.T) string {
	t.Helper()
	published, err := cluster.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(t.Context(), names.ServiceCA, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return published.Data[names.ServiceCAKey]
}
