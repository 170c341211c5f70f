package storages

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// What the servers say of their media, past the operator.

type media = imageregistryv1.ImageRegistryConfigStorage

func inS3(ctx context.Context, c *media) (bool, error) {
	bucket, err := cluster.FindBucket(ctx, c.S3.Bucket)
	return bucket != nil, err
}

// bucket and resourceOf are what admin listeners list.
type bucket struct {
	Name string `json:"name"`
}

type resourceOf struct {
	ID string `json:"id"`
}

func listed(ctx context.Context, server *storagetest.Server, admin, name string) (bool, error) {
	var buckets []bucket
	err := server.Ask(ctx, admin, http.MethodGet, "/buckets", nil, &buckets)
	return slices.Contains(buckets, bucket{name}), err
}

func inGCS(ctx context.Context, c *media) (bool, error) {
	return listed(ctx, clouds.gcs, "admin", c.GCS.Bucket)
}

func inAzure(ctx context.Context, c *media) (bool, error) {
	var resources []resourceOf
	err := clouds.azure.Ask(ctx, "admin", http.MethodGet, "/resources", nil, &resources)
	return slices.ContainsFunc(resources, func(r resourceOf) bool { return strings.HasSuffix(r.ID, "/"+c.Azure.AccountName) }), err
}

func inIBM(ctx context.Context, c *media) (bool, error) {
	return listed(ctx, clouds.ibm, "s3admin", c.IBMCOS.Bucket)
}

// inSwift asks Swift itself, past its front, with a token of Keystone.
func inSwift(ctx context.Context, c *media) (bool, error) {
	base := "http://" + clouds.swift.Addresses["admin"]
	login := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"registry","password":"` + swiftPassword + `","domain":{"name":"Default"}}}},` +
		`"scope":{"project":{"name":"cluster","domain":{"name":"Default"}}}}}`
	token, err := send(ctx, http.MethodPost, base+"/v3/auth/tokens", login, nil)
	if err != nil {
		return false, err
	}
	found, err := send(ctx, http.MethodHead, base+"/v1/AUTH_id-of-cluster/"+c.Swift.Container, "", http.Header{"X-Auth-Token": token.Header["X-Subject-Token"]})
	if err != nil {
		return false, err
	}
	switch found.StatusCode {
	case http.StatusNoContent, http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, fmt.Errorf("swift answers %s", found.Status)
}

// send makes a request whose answer has nothing of interest in its body.
func send(ctx context.Context, method, url, body string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	if header == nil {
		request.Header = http.Header{"Content-Type": {"application/json"}}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	return response, response.Body.Close()
}

// oneOf tells whether the reason of a condition that is True is one of those between bars.
func oneOf(config *imageregistryv1.Config, conditionType, reasons string) error {
	for _, c := range config.Status.Conditions {
		if c.Type == conditionType && c.Status == "True" && slices.Contains(strings.Split(reasons, "|"), c.Reason) {
			return nil
		}
	}
	return fmt.Errorf("%s is not True for one of %s", conditionType, reasons)
}

// provideVolume makes a volume of a class for a claim of that name, until the end of the test, and removes the claim then.
func provideVolume(t *testing.T, claim, class string, mode corev1.PersistentVolumeAccessMode) {
	t.Helper()
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "storages-"},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: class, AccessModes: []corev1.PersistentVolumeAccessMode{mode}, Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Gi")},
			ClaimRef:                      &corev1.ObjectReference{Namespace: names.OperatorNamespace, Name: claim},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "files.example.com", Path: "/images"}},
		},
	}
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	made, err := cluster.Kube.CoreV1().PersistentVolumes().Create(t.Context(), volume, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cluster.Kube.CoreV1().PersistentVolumes().Delete(context.Background(), made.Name, metav1.DeleteOptions{})
		_ = claims.Delete(context.Background(), claim, metav1.DeleteOptions{})
	})
}

// calls counts what the cloud of a kind has been asked for so far.
func calls(t *testing.T, kind storage.Kind) int {
	t.Helper()
	servers := map[storage.Kind]struct {
		server *storagetest.Server
		admins []string
	}{
		storage.GCS: {clouds.gcs, []string{"admin"}}, storage.Azure: {clouds.azure, []string{"admin"}},
		storage.Swift: {clouds.swift, []string{"admin"}}, storage.IBMCOS: {clouds.ibm, []string{"admin", "s3admin"}},
	}
	total := 0
	if kind == storage.S3 {
		var answer storagetest.Requests[json.RawMessage]
		if err := cluster.S3JSON(t.Context(), "/requests?after=0", &answer); err != nil {
			t.Fatal(err)
		}
		return len(answer.Requests)
	}
	for _, admin := range servers[kind].admins {
		var answer storagetest.Requests[json.RawMessage]
		if err := servers[kind].server.Ask(t.Context(), admin, http.MethodGet, "/requests?after=0", nil, &answer); err != nil {
			t.Fatal(err)
		}
		total += len(answer.Requests)
	}
	return total
}
