package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// former is the field manager of the operator before us.
const former = "cluster-image-registry-operator"

// writeAsFormer adds conditions as the operator before us wrote them: by an update of the whole status.
func writeAsFormer(t *testing.T, types ...string) {
	t.Helper()
	configs := cluster.Registry.ImageregistryV1().Configs()
	cluster.Until(t, settle, "conditions of the former operator", func(ctx context.Context) error {
		config, err := configs.Get(ctx, names.Cluster, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, name := range types {
			config.Status.Conditions = append(config.Status.Conditions, operatorv1.OperatorCondition{
				Type: name, Status: operatorv1.ConditionTrue, Reason: "Former", LastTransitionTime: metav1.Now(),
			})
		}
		_, err = configs.UpdateStatus(ctx, config, metav1.UpdateOptions{FieldManager: former})
		return err
	})
}

// untilConditionTypes waits until Config has all of one list of conditions and none of the other.
func untilConditionTypes(t *testing.T, have, gone []string) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("conditions with %v and without %v", have, gone), func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		there := func(name string) bool {
			return slices.ContainsFunc(config.Status.Conditions, func(c operatorv1.OperatorCondition) bool { return c.Type == name })
		}
		for _, name := range have {
			if !there(name) {
				return fmt.Errorf("%s is not there", name)
			}
		}
		for _, name := range gone {
			if there(name) {
				return fmt.Errorf("%s is there", name)
			}
		}
		return nil
	})
}

func TestConditionsThatNobodyKeepsUpGo(t *testing.T) {
	onEmptyDir(t)
	stale := []string{names.AzurePathFixDegraded, names.AzurePathFixProgressing, names.AzureStackDegraded, names.StorageTagged, names.StorageLabeled}
	writeAsFormer(t, append([]string{"SomebodysOwn"}, stale...)...)
	untilConditionTypes(t, []string{"SomebodysOwn", names.StorageExists, names.StorageReady, names.Available}, stale)
	cluster.UntilAvailable(t, settle)
}

func TestTheAzurePathFixIsCleanedUp(t *testing.T) {
	// The operator looks once for each stretch of time on Azure.
	fresh(t, configv1.NonePlatformType)
	cluster.UntilConditions(t, settle, library.Want{Type: names.Removed, Status: "True"})
	jobs := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace)
	_, err := jobs.Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: names.AzurePathFixJob},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "c", Image: "cluster.test/none:1"}},
		}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fresh(t, configv1.AzurePlatformType)
	cluster.Until(t, settle, "the end of the job", func(ctx context.Context) error {
		_, err := jobs.Get(ctx, names.AzurePathFixJob, metav1.GetOptions{})
		if err == nil {
			return errors.New("it is there")
		}
		return library.IgnoreNotFound(err)
	})
}

func TestAzureStackEndpointsReachTheFile(t *testing.T) {
	fresh(t, configv1.AzurePlatformType)
	fine := library.Want{Type: names.AzureStackDegraded, Status: "False", Reason: names.ReasonAsExpected}
	cluster.UntilConditions(t, settle, fine)
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.CloudProviderConfig}, Data: map[string]string{"endpoints": `{"name":"one"}`}}
	made, err := maps.Create(t.Context(), configMap, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.Background(), configMap.Name, metav1.DeleteOptions{}) })
	untilFile(t, `{"name":"one"}`)
	made.Data["endpoints"] = `{"name":"two"}`
	if _, err := maps.Update(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	untilFile(t, `{"name":"two"}`)
	if err := maps.Delete(t.Context(), configMap.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	untilFile(t, "")
	cluster.UntilConditions(t, settle, fine)
}

// untilFile waits for the content of the file; empty for no file.
func untilFile(t *testing.T, want string) {
	t.Helper()
	cluster.Until(t, settle, "endpoints "+want, func(context.Context) error {
		content, err := os.ReadFile(azureEndpoints)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if string(content) != want || (err != nil) != (want == "") {
			return fmt.Errorf("the file has %q, %w", content, err)
		}
		return nil
	})
}

func TestTagsOfTheClusterReachTheBucket(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	config := cluster.UntilAvailable(t, settle)
	setTags(t, `[{"key":"team","value":"registry"},{"key":"openshift.io/mine","value":"x"}]`)
	untilEvent(t, names.EventUpdateAWSTags, config.Status.Storage.S3.Bucket)
	cluster.UntilConditions(t, settle, library.Want{Type: names.StorageTagged, Status: "True", Reason: "Tagging Successful", Message: "openshift.io/mine"})
	untilTag(t, config.Status.Storage.S3.Bucket, "team", "registry")

	// An administrator's bucket is not tagged.
	cluster.Patch(t, `{"spec":{"storage":{"managementState":"Unmanaged"}}}`)
	cluster.Until(t, settle, "storage that is not ours", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err == nil && config.Status.Storage.ManagementState != imageregistryv1.StorageManagementStateUnmanaged {
			err = fmt.Errorf("status.storage is %+v", config.Status.Storage)
		}
		return err
	})
	untilConditionTypes(t, []string{names.StorageExists}, []string{names.StorageTagged})
	setTags(t, `[{"key":"team","value":"other"}]`)
	cluster.Always(t, 3*time.Second, "the tags of an administrator's bucket", func(ctx context.Context) error {
		return hasTag(ctx, config.Status.Storage.S3.Bucket, "team", "registry")
	})
	cluster.Patch(t, `{"spec":{"storage":{"managementState":"Managed"}}}`)
	untilTag(t, config.Status.Storage.S3.Bucket, "team", "other")
}

// untilTag waits until the bucket itself has a tag.
func untilTag(t *testing.T, name, key, value string) {
	t.Helper()
	cluster.Until(t, settle, "tag "+key+"="+value+" of bucket "+name, func(ctx context.Context) error { return hasTag(ctx, name, key, value) })
}

func hasTag(ctx context.Context, name, key, value string) error {
	bucket, err := cluster.FindBucket(ctx, name)
	if err == nil && (bucket == nil || bucket.Tags[key] != value) {
		err = fmt.Errorf("bucket is %+v, want tag %s=%s", bucket, key, value)
	}
	return err
}

func setTags(t *testing.T, tags string) {
	t.Helper()
	patch := `{"status":{"platformStatus":{"aws":{"resourceTags":` + tags + `}}}}`
	if _, err := cluster.Config.ConfigV1().Infrastructures().Patch(t.Context(), names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatalf("tagging the cluster: %v", err)
	}
}

// TestCredentialsThatNeverCome is a cluster without the cloud credential operator: the administrator is told what to
// create, and the registry comes up once it is there.
func TestCredentialsThatNeverCome(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.UntilAvailable(t, settle)
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	cluster.UntilRemoved(t, settle)
	secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
	t.Cleanup(func() {
		_ = secrets.Delete(context.Background(), names.PrivateConfigurationUser, metav1.DeleteOptions{})
	})
	withoutCloudCredential(t)
	cluster.Patch(t, `{"spec":{"managementState":"Managed"}}`)
	const create = "create image-registry-private-configuration-user with keys REGISTRY_STORAGE_S3_ACCESSKEY and REGISTRY_STORAGE_S3_SECRETKEY"
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.StorageReady, Status: "False", Reason: names.ReasonWaitingForCredentials, Message: create},
		library.Want{Type: names.Available, Status: "False", Reason: names.ReasonDeploymentNotFound, Message: create},
		library.Want{Type: names.Progressing, Status: "True", Reason: names.ReasonWaitingForCredentials, Message: create},
	)
	createUserSecret(t, map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": cluster.S3.AccessKeyID})
	cluster.UntilConditions(t, settle, library.Want{
		Type: names.StorageReady, Status: "False", Reason: names.ReasonWaitingForCredentials,
		Message: "secret openshift-image-registry/image-registry-private-configuration-user has no value for: REGISTRY_STORAGE_S3_SECRETKEY",
	})
	if err := secrets.Delete(t.Context(), names.PrivateConfigurationUser, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	createUserSecret(t, map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": cluster.S3.AccessKeyID, "REGISTRY_STORAGE_S3_SECRETKEY": cluster.S3.SecretAccessKey})
	cluster.UntilAvailable(t, settle)
}

// withoutCloudCredential makes the cluster one without the capability CloudCredential until the end of the test: nobody
// asks for credentials any more, and nobody provides them.
func withoutCloudCredential(t *testing.T) {
	t.Helper()
	set := func(ctx context.Context, edit func([]configv1.ClusterVersionCapability) []configv1.ClusterVersionCapability) error {
		versions := cluster.Config.ConfigV1().ClusterVersions()
		version, err := versions.Get(ctx, names.ClusterVersion, metav1.GetOptions{})
		if err != nil {
			return err
		}
		version.Status.Capabilities.EnabledCapabilities = edit(version.Status.Capabilities.EnabledCapabilities)
		_, err = versions.UpdateStatus(ctx, version, metav1.UpdateOptions{})
		return err
	}
	t.Cleanup(func() {
		if err := set(context.Background(), func(all []configv1.ClusterVersionCapability) []configv1.ClusterVersionCapability {
			return append(all, configv1.ClusterVersionCapabilityCloudCredential)
		}); err != nil {
			t.Errorf("giving the cluster its capability back: %v", err)
		}
	})
	cluster.Until(t, settle, "a cluster without CloudCredential", func(ctx context.Context) error {
		return set(ctx, func(all []configv1.ClusterVersionCapability) []configv1.ClusterVersionCapability {
			return slices.DeleteFunc(all, func(c configv1.ClusterVersionCapability) bool {
				return c == configv1.ClusterVersionCapabilityCloudCredential
			})
		})
	})
	requests := managedObject{
		schema.GroupVersionResource{Group: "cloudcredential.openshift.io", Version: "v1", Resource: "credentialsrequests"},
		"openshift-cloud-credential-operator", names.OperatorNamespace,
	}
	minted := managedObject{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, names.OperatorNamespace, names.CloudCredentials}
	cluster.Until(t, settle, "the end of the credentials", func(ctx context.Context) error {
		for _, object := range []managedObject{requests, minted} {
			if err := library.IgnoreNotFound(object.client().Delete(ctx, object.name, metav1.DeleteOptions{})); err != nil {
				return err
			}
		}
		return errors.Join(absent(ctx, requests), absent(ctx, minted))
	})
}

func createUserSecret(t *testing.T, data map[string]string) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: names.PrivateConfigurationUser}, StringData: data}
	if _, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
