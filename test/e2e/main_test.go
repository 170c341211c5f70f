// Package e2e holds the promises that need real pods: a real kubelet runs the operator and the registry, a real S3
// server holds the images. Each file is a promise, each promise a batch of checks that share an expensive state.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// settle is how long a rollout of real pods may take on a small machine: pods drain for 25 s before they end.
const settle = 4 * time.Minute

var (
	cluster *library.Cluster
	started time.Time
	// firstPod is the operator's pod that the suite began with.
	firstPod types.UID
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	var err error
	cluster, err = library.Start(ctx, fmt.Sprintf("e2e-%d", os.Getpid()), "--nodes", "2", "--simulated", "1", "--platform", "AWS")
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the cluster:", err)
		return 1
	}
	defer func() {
		if err := cluster.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the cluster:", err)
		}
	}()
	started = time.Now()
	if err := cluster.Deploy(ctx, "--manifests", "../../manifests", "--operator", os.Getenv("OPERATOR_BINARY"), "--version", "4.22.0-test"); err != nil {
		fmt.Fprintln(os.Stderr, "deploying the operator:", err)
		return 1
	}
	if firstPod, err = untilOperator(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "waiting for the operator's pod:", err)
		return 1
	}
	return m.Run()
}

// untilOperator waits for the operator's pod.
func untilOperator(ctx context.Context) (uid types.UID, err error) {
	err = wait.PollUntilContextTimeout(ctx, time.Second, settle, true, func(ctx context.Context) (bool, error) {
		pods, err := operatorPods(ctx)
		if err == nil && len(pods) == 1 {
			uid = pods[0].UID
		}
		return uid != "", err
	})
	return uid, err
}

// managed gives the test a Managed registry on the storage that the patch's spec.storage names, available.
func managed(t *testing.T, storage string) *imageregistryv1.Config {
	t.Helper()
	cluster.PrintOperatorOnFailure(t)
	cluster.SetPlatform(t, configv1.AWSPlatformType)
	cluster.Until(t, settle, "a config", func(ctx context.Context) error {
		_, err := cluster.GetConfig(ctx)
		return err
	})
	// Pods that share no storage must not serve side by side, or half an image goes to each; where they share it, a rolling
	// update saves the time that old pods drain.
	strategy := "Recreate"
	if storage == onS3 {
		strategy = "RollingUpdate"
	}
	// A pod on the simulated node, which is a worker only, would be "ready" and serve nothing.
	cluster.Patch(t, `{"spec":{"managementState":"Managed","replicas":1,"rolloutStrategy":"`+strategy+`","readOnly":false,"defaultRoute":false,"routes":null,
		"affinity":null,"topologySpreadConstraints":null,"nodeSelector":{"node-role.kubernetes.io/control-plane":"","kubernetes.io/hostname":null},"storage":`+storage+`}}`)
	return cluster.UntilAvailable(t, settle)
}

// Storages as merge patches that leave one member of the union.
const (
	onS3       = `{"s3":{"bucket":"","region":"","regionEndpoint":""},"pvc":null,"emptyDir":null,"managementState":null}`
	onEmptyDir = `{"s3":null,"pvc":null,"emptyDir":{},"managementState":null}`
	onPVC      = `{"s3":null,"pvc":{"claim":"e2e"},"emptyDir":null,"managementState":null}`
)

// recreated is a cluster with nothing but the default Config of the platform.
func recreated(t *testing.T, platform configv1.PlatformType) {
	t.Helper()
	cluster.PrintOperatorOnFailure(t)
	cluster.Recreate(t, settle, platform)
}

// push pushes an image and returns its digest. The nodes' proxies learn a moment after the API that a pod of the former
// storage has gone: until then half an upload may go there.
func push(t *testing.T, repository string) string {
	t.Helper()
	digest := ""
	cluster.Until(t, time.Minute, "a push to "+repository, func(ctx context.Context) error {
		out, err := cluster.Driver(ctx, "image", "push", repository, "latest")
		digest = strings.TrimSpace(out)
		return err
	})
	return digest
}

func pull(t *testing.T, repository string, digests ...string) {
	t.Helper()
	if out, err := cluster.Driver(t.Context(), "image", append([]string{"pull", repository}, digests...)...); err != nil {
		t.Fatalf("pulling %s: %v\n%s\n%s", digests, err, out, cluster.Describe(t.Context()))
	}
}

func requireBucket(t *testing.T, name string, want bool) *library.Bucket {
	t.Helper()
	bucket, err := cluster.FindBucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if (bucket != nil) != want {
		t.Fatalf("bucket %s exists: %v, want %v", name, bucket != nil, want)
	}
	return bucket
}
