// Package mainjob shows the operator's main job on a running cluster: it follows the operator's conditions until the
// registry is available, pushes an image, pulls it back by digest and shows its blobs in the bucket. It only watches and
// uses: everything between the deployed manifests and the served image is the operator's doing.
package mainjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// Job is one show.
type Job struct {
	// Cluster is the name, for the commands that are printed.
	Cluster string
	// Kubeconfig is the administrator's.
	Kubeconfig string
	// S3Admin is the address of the S3 server's admin listener.
	S3Admin string
	// Image runs `cluster image ARGS…` and returns its output; nil where no real node runs, and with it no registry.
	Image func(ctx context.Context, args ...string) (string, error)
	// Kubectl makes a command line of kubectl as the administrator.
	Kubectl func(ctx context.Context, args ...string) *exec.Cmd
	// OperatorLog is the log of an operator that is a process of this machine; empty for one in a pod.
	OperatorLog string
	// Step prints a line with the elapsed time.
	Step func(format string, args ...any)
	Out  io.Writer
}

// patience is how long the operator may take from its deployment to a registry that serves.
const patience = 10 * time.Minute

// look is how often the conditions are read.
const look = 500 * time.Millisecond

var configs = schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "configs"}

// Run shows the job. It returns an error as soon as a part of it does not hold.
func (j Job) Run(ctx context.Context) error {
	bucket, err := j.untilAvailable(ctx)
	if err != nil {
		return err
	}
	if j.Image == nil {
		j.Step("no real node here: the registry's pods are simulated, so there is nothing to push an image to")
	} else if err := j.roundTrip(ctx, bucket); err != nil {
		return err
	}
	fmt.Fprintln(j.Out)
	show := j.Kubectl(ctx, "get", "clusteroperators")
	show.Stdout, show.Stderr = j.Out, j.Out
	if err := show.Run(); err != nil {
		return fmt.Errorf("kubectl get clusteroperators: %w", err)
	}
	fmt.Fprint(j.Out, j.howToGoOn())
	return nil
}

// untilAvailable prints each change of the operator's conditions and returns the bucket when the registry serves.
func (j Job) untilAvailable(ctx context.Context) (bucket string, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", j.Kubeconfig)
	if err != nil {
		return "", fmt.Errorf("reading kubeconfig %s: %w", j.Kubeconfig, err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a client of cluster %s: %w", j.Cluster, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	shown := map[string]string{}
	for {
		object, err := client.Resource(configs).Get(ctx, "cluster", metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			j.once(shown, "config", "the operator has not created configs.imageregistry.operator.openshift.io/cluster yet")
		case err == nil:
			j.once(shown, "config", "the operator has created configs.imageregistry.operator.openshift.io/cluster")
			if j.showConditions(object, shown) {
				bucket, _, _ = unstructured.NestedString(object.Object, "status", "storage", "s3", "bucket")
				return bucket, nil
			}
		case ctx.Err() == nil:
			return "", fmt.Errorf("reading the operator's config: %w", err)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the registry is not available after %s; see kubectl describe config.imageregistry.operator.openshift.io cluster: %w", patience, ctx.Err())
		case <-tick.C:
		}
	}
}

// once prints text when it differs from what was last shown under the key.
func (j Job) once(shown map[string]string, key, text string) {
	if shown[key] != text {
		shown[key] = text
		j.Step("%s", text)
	}
}

// showConditions prints the conditions that have changed and tells whether the registry is available and at rest.
func (j Job) showConditions(config *unstructured.Unstructured, shown map[string]string) bool {
	conditions, _, _ := unstructured.NestedSlice(config.Object, "status", "conditions")
	status := map[string]string{}
	for _, entry := range conditions {
		condition, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		text := func(field string) string { value, _ := condition[field].(string); return value }
		status[text("type")] = text("status")
		j.once(shown, text("type"), strings.TrimRight(fmt.Sprintf("  %s=%s %s: %s", text("type"), text("status"), text("reason"), firstLine(text("message"))), ": "))
	}
	return status["Available"] == "True" && status["Progressing"] == "False"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// roundTrip pushes an image, pulls it back by digest and looks for its blobs.
func (j Job) roundTrip(ctx context.Context, bucket string) error {
	const repository = "demo/hello"
	begin := time.Now()
	digest, err := j.Image(ctx, "push", repository, "latest")
	if err != nil {
		return err
	}
	digest = strings.TrimSpace(digest)
	j.Step("pushed %s:latest through the registry's service in %s: %s", repository, time.Since(begin).Round(time.Millisecond), digest)
	bytes, err := j.Image(ctx, "pull", repository, digest)
	if err != nil {
		return err
	}
	j.Step("pulled it back by digest, every layer checked: %s bytes", strings.TrimSpace(bytes))
	return j.showBlobs(ctx, bucket, digest)
}

func (j Job) showBlobs(ctx context.Context, bucket, digest string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.S3Admin+"/buckets/"+bucket+"/objects", nil)
	if err != nil {
		return fmt.Errorf("asking for the objects of bucket %s: %w", bucket, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking for the objects of bucket %s: %w", bucket, err)
	}
	defer response.Body.Close()
	var found struct {
		Count   int `json:"count"`
		Objects []struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
		} `json:"objects"`
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return fmt.Errorf("decoding the objects of bucket %s: %w", bucket, err)
	}
	j.Step("bucket %s, which the operator created, holds %d objects; the blobs:", bucket, found.Count)
	manifest := false
	for _, object := range found.Objects {
		if strings.HasSuffix(object.Key, "/data") {
			fmt.Fprintf(j.Out, "          %7d  %s\n", object.Size, object.Key)
		}
		manifest = manifest || strings.Contains(object.Key, strings.TrimPrefix(digest, "sha256:"))
	}
	if !manifest {
		return errors.New("the manifest that was pushed is not in the bucket")
	}
	return nil
}

func (j Job) howToGoOn() string {
	watch := "kubectl logs -n openshift-image-registry deploy/cluster-image-registry-operator -f"
	if j.OperatorLog != "" {
		watch = "tail -f " + j.OperatorLog
	}
	return fmt.Sprintf(`
The cluster is yours:

  export KUBECONFIG=%s

Three edits to try (kubectl patch config.imageregistry.operator.openshift.io cluster --type merge -p …):

  '{"spec":{"defaultRoute":true}}'                     a route to the registry: kubectl get routes -n openshift-image-registry
  '{"spec":{"replicas":2,"logLevel":"Debug"}}'         a rollout: kubectl get pods -n openshift-image-registry -w
  '{"spec":{"managementState":"Removed"}}'             registry and bucket go; "Managed" brings them back

Watch the operator: %s
Stop: make down NAME=%s, or Ctrl-C where it runs in the foreground
`, j.Kubeconfig, watch, j.Cluster)
}
