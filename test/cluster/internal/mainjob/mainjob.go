// Package mainjob shows the operator's main job on a running cluster: it waits for the operator of the release, follows its
// conditions until the registry is available, pushes an image, pulls it back by digest and shows its blobs in the bucket. It
// only watches and uses: everything between the deployed manifests and the served image is the operator's doing.
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
	// Announced is when the release was handed to the version operator; Images are all images of it, which the operator's
	// Deployment names.
	Announced time.Time
	Images    []string
	// Running tells whether the cluster is still there.
	Running func() error
	// Step prints a line with the elapsed time.
	Step func(format string, args ...any)
	Out  io.Writer
}

// Run shows the job. It returns an error as soon as a part of it does not hold.
func (j Job) Run(ctx context.Context) error {
	cluster, err := j.connect()
	if err != nil {
		return err
	}
	bucket, err := j.untilAvailable(ctx, cluster.look)
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
