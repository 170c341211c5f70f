package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const (
	prunerNamespace  = "e2e-pruner"
	prunerRepository = prunerNamespace + "/app"
	prunerBucket     = "e2e-pruner"
	prunerUser       = "system:serviceaccount:" + names.OperatorNamespace + ":" + names.PrunerServiceAccount
)

var (
	imagesResource  = schema.GroupVersionResource{Group: "image.openshift.io", Version: "v1", Resource: "images"}
	streamsResource = schema.GroupVersionResource{Group: "image.openshift.io", Version: "v1", Resource: "imagestreams"}
)

// pushed is an image in the registry.
type pushed struct {
	Manifest string `json:"manifest"`
	Config   string `json:"config"`
	Layers   []struct {
		Digest    string `json:"digest"`
		Size      int64  `json:"size"`
		MediaType string `json:"mediaType"`
	} `json:"layers"`
}

// object is the name of its Image. A custom resource, which Images are in this cluster, cannot be called sha256:….
func (p pushed) object() string { return strings.Replace(p.Manifest, ":", ".", 1) }

// blobs are the digests of the image's data.
func (p pushed) blobs() []string {
	digests := []string{p.Manifest, p.Config}
	for _, layer := range p.Layers {
		digests = append(digests, layer.Digest)
	}
	return digests
}

// TestThePrunerPrunes: the CronJob that the operator makes really runs, as its own ServiceAccount. With a Managed registry
// the data of an image that nobody needs is gone from S3 and that of the others is there; in Unmanaged and in Removed the
// image's entries go and its data stays.
func TestThePrunerPrunes(t *testing.T) {
	since := time.Now()
	// Storage of the administrator's own: the operator's would be deleted in Removed.
	if err := cluster.CreateBucket(t.Context(), prunerBucket); err != nil {
		t.Fatal(err)
	}
	managed(t, `{"s3":{"bucket":"`+prunerBucket+`","region":"","regionEndpoint":""},"pvc":null,"emptyDir":null,"managementState":null}`)
	client := dynamic.NewForConfigOrDie(cluster.REST)
	createNamespace(t, prunerNamespace)
	kept, unneeded := pushImage(t), []pushed{pushImage(t), pushImage(t), pushImage(t)}
	createStream(t, client, kept)

	configurePruner(t, `"schedule":"0 0 1 1 *","suspend":true`)
	t.Cleanup(func() {
		patchPruner(context.Background(), t, `{"spec":{"suspend":null,"schedule":"","keepYoungerThanDuration":null,"keepTagRevisions":null,"nodeSelector":null}}`)
	})
	untilArguments(t, "--prune-registry=true", "--registry-url=https://image-registry.openshift-image-registry.svc:5000")
	record(t, client, unneeded[0], kept)
	runPruner(t, "managed")
	requireForgotten(t, client, unneeded[0], kept)
	requireData(t, unneeded[0], false)
	requireData(t, kept, true)
	pull(t, prunerRepository, kept.Manifest)

	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	untilArguments(t, "--prune-registry=false")
	record(t, client, unneeded[1], kept)
	runPruner(t, "unmanaged")
	requireForgotten(t, client, unneeded[1], kept)
	requireData(t, unneeded[1], true)
	pull(t, prunerRepository, unneeded[1].Manifest)

	// The last run comes by the schedule, while the registry's pods drain.
	cluster.Patch(t, `{"spec":{"managementState":"Removed"}}`)
	configurePruner(t, `"schedule":"* * * * *","suspend":false`)
	untilNoRegistry(t)
	untilArguments(t, "--prune-registry=false")
	record(t, client, unneeded[2], kept)
	untilCompleted(t, scheduledAfter(time.Now()))
	cluster.UntilRemoved(t, settle)
	requireForgotten(t, client, unneeded[2], kept)
	requireData(t, unneeded[2], true)
	requireData(t, kept, true)
	requireNothingRefused(t, since)
}

// untilNoRegistry waits until the operator has dealt with Removed.
func untilNoRegistry(t *testing.T) {
	t.Helper()
	cluster.Until(t, settle, "the registry's service to go", func(ctx context.Context) error {
		_, err := cluster.Kube.CoreV1().Services(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err == nil {
			err = errors.New("it is there")
		}
		return library.IgnoreNotFound(err)
	})
}

// configurePruner makes the pruner keep nothing but a tag's latest image, on real nodes: simulated ones run no program.
func configurePruner(t *testing.T, schedule string) {
	t.Helper()
	patchPruner(t.Context(), t, `{"spec":{`+schedule+`,"keepTagRevisions":1,"keepYoungerThanDuration":"0s","ignoreInvalidImageReferences":true,"logLevel":"Debug","nodeSelector":{"node-role.kubernetes.io/control-plane":""}}}`)
	untilArguments(t, "--keep-tag-revisions=1", "--keep-younger-than=0s", "--ignore-invalid-refs=true", "--loglevel=4")
	cluster.Until(t, settle, "the schedule to reach the CronJob", func(ctx context.Context) error {
		job, err := cronJob(ctx)
		if err == nil && !strings.Contains(schedule, `"`+job.Spec.Schedule+`"`) {
			err = fmt.Errorf("it is %s", job.Spec.Schedule)
		}
		return err
	})
}

func patchPruner(ctx context.Context, t *testing.T, patch string) {
	t.Helper()
	if _, err := cluster.Registry.ImageregistryV1().ImagePruners().Patch(ctx, names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatalf("patching the pruner with %s: %v", patch, err)
	}
}

func cronJob(ctx context.Context) (*batchv1.CronJob, error) {
	return cluster.Kube.BatchV1().CronJobs(names.OperatorNamespace).Get(ctx, names.Pruner, metav1.GetOptions{})
}

func untilArguments(t *testing.T, wants ...string) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("the CronJob to have arguments %v", wants), func(ctx context.Context) error {
		job, err := cronJob(ctx)
		if err != nil {
			return err
		}
		args := job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
		for _, want := range wants {
			if !slices.Contains(args, want) {
				return fmt.Errorf("it has %q", args)
			}
		}
		return nil
	})
}

// pushImage pushes an image under a tag that all share.
func pushImage(t *testing.T) pushed {
	t.Helper()
	digest := push(t, prunerRepository)
	out, err := cluster.Driver(t.Context(), "image", "inspect", prunerRepository, digest)
	if err != nil {
		t.Fatal(err)
	}
	var image pushed
	if err := json.Unmarshal([]byte(out), &image); err != nil {
		t.Fatalf("decoding %q: %v", out, err)
	}
	return image
}

// createStream makes what OpenShift's registry makes on a push: an Image, and an ImageStream with a tag that points at it.
func createStream(t *testing.T, client dynamic.Interface, latest pushed) {
	t.Helper()
	stream := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": map[string]any{"name": "app", "namespace": prunerNamespace},
	}}
	if _, err := client.Resource(streamsResource).Namespace(prunerNamespace).Create(t.Context(), stream, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	createImage(t, client, latest)
	setHistory(t, client, latest)
}

// record makes an image one that the tag pointed at before.
func record(t *testing.T, client dynamic.Interface, image, latest pushed) {
	t.Helper()
	createImage(t, client, image)
	setHistory(t, client, latest, image)
}

func createImage(t *testing.T, client dynamic.Interface, image pushed) {
	t.Helper()
	layers := []any{}
	for _, layer := range image.Layers {
		layers = append(layers, map[string]any{"name": layer.Digest, "size": layer.Size, "mediaType": layer.MediaType})
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "image.openshift.io/v1", "kind": "Image",
		"metadata":             map[string]any{"name": image.object(), "annotations": map[string]any{"openshift.io/image.managed": "true"}},
		"dockerImageReference": "image-registry.openshift-image-registry.svc:5000/" + prunerRepository + "@" + image.Manifest,
		"dockerImageLayers":    layers,
		"dockerImageMetadata":  map[string]any{"Id": image.Config},
	}}
	if _, err := client.Resource(imagesResource).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Resource(imagesResource).Delete(context.Background(), image.object(), metav1.DeleteOptions{})
	})
}

func setHistory(t *testing.T, client dynamic.Interface, history ...pushed) {
	t.Helper()
	items := []any{}
	for _, image := range history {
		items = append(items, map[string]any{
			"image": image.Manifest, "generation": int64(1), "created": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
			"dockerImageReference": "image-registry.openshift-image-registry.svc:5000/" + prunerRepository + "@" + image.Manifest,
		})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"tags": []any{map[string]any{"tag": "latest", "items": items}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Resource(streamsResource).Namespace(prunerNamespace).Patch(t.Context(), "app", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// runPruner runs what the CronJob would run, now.
func runPruner(t *testing.T, name string) {
	t.Helper()
	name = names.Pruner + "-e2e-" + name
	if out, err := cluster.Driver(t.Context(), "kubectl", "--", "create", "job", name, "-n", names.OperatorNamespace, "--from=cronjob/"+names.Pruner); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	untilCompleted(t, func(job *batchv1.Job) bool { return job.Name == name })
}

func scheduledAfter(moment time.Time) func(*batchv1.Job) bool {
	return func(job *batchv1.Job) bool {
		owner := metav1.GetControllerOf(job)
		return owner != nil && owner.Kind == "CronJob" && job.CreationTimestamp.After(moment)
	}
}

// untilCompleted waits for a run that the condition picks, and shows its log when it does not succeed.
func untilCompleted(t *testing.T, is func(*batchv1.Job) bool) {
	t.Helper()
	cluster.Until(t, settle, "a completed run of the pruner", func(ctx context.Context) error {
		jobs, err := cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: names.PrunerJobLabel + "=" + names.Pruner})
		if err != nil {
			return err
		}
		state := "there is none"
		for i := range jobs.Items {
			if !is(&jobs.Items[i]) {
				continue
			}
			if jobs.Items[i].Status.Succeeded > 0 {
				return nil
			}
			state = fmt.Sprintf("job %s: %+v\n%s", jobs.Items[i].Name, jobs.Items[i].Status, prunerLog(ctx, jobs.Items[i].Name))
		}
		return fmt.Errorf("%d jobs; %s", len(jobs.Items), state)
	})
}

func prunerLog(ctx context.Context, job string) string {
	pods, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + job})
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for i := range pods.Items {
		log, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).GetLogs(pods.Items[i].Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		fmt.Fprintf(&text, "pod %s on %s says (%v):\n%s", pods.Items[i].Name, pods.Items[i].Spec.NodeName, err, log)
	}
	return text.String()
}

// requireForgotten: the Image and its entry in the stream are gone, those of the image in use are there.
func requireForgotten(t *testing.T, client dynamic.Interface, gone, kept pushed) {
	t.Helper()
	if _, err := client.Resource(imagesResource).Get(t.Context(), gone.object(), metav1.GetOptions{}); library.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("image %s: %v, want not found", gone.object(), err)
	}
	if _, err := client.Resource(imagesResource).Get(t.Context(), kept.object(), metav1.GetOptions{}); err != nil {
		t.Errorf("image %s: %v", kept.object(), err)
	}
	stream, err := client.Resource(streamsResource).Namespace(prunerNamespace).Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	status := fmt.Sprint(stream.Object["status"])
	if strings.Contains(status, gone.Manifest) || !strings.Contains(status, kept.Manifest) {
		t.Errorf("the stream's history is %s; want %s alone", status, kept.Manifest)
	}
}

// requireData looks into the bucket for each blob of the image.
func requireData(t *testing.T, image pushed, want bool) {
	t.Helper()
	objects, err := cluster.Objects(t.Context(), prunerBucket)
	if err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(objects))
	for _, digest := range image.blobs() {
		hex := strings.TrimPrefix(digest, "sha256:")
		has := slices.ContainsFunc(keys, func(key string) bool {
			return strings.HasSuffix(key, "/blobs/sha256/"+hex[:2]+"/"+hex+"/data")
		})
		if has != want {
			t.Errorf("blob %s is in the bucket: %t, want %t", digest, has, want)
		}
	}
}

// requireNothingRefused: the pruner's ServiceAccount may do all it tries.
func requireNothingRefused(t *testing.T, since time.Time) {
	t.Helper()
	events, err := cluster.Audit(prunerUser, since)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 {
		t.Error("the pruner has asked the API for nothing")
	}
	for _, event := range events {
		if event.ResponseStatus.Code == http.StatusForbidden {
			t.Errorf("refused: %s", event)
		}
	}
}
