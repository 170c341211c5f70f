// Package integration runs the operator, as a process of its own with its own identity, against a real etcd and
// kube-apiserver. There are no real nodes: kwok says that pods run. The wide matrices live here.
package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// settle is how long the operator and the simulated nodes may take to reach a state that nothing holds up.
const settle = 90 * time.Second

// cluster and operator are shared: Config is a singleton, so the tests of this package run one after another.
var (
	cluster  *library.Cluster
	operator *library.Operator
	started  time.Time
	// azureEndpoints is the file that the operator keeps the endpoints of an Azure Stack in.
	azureEndpoints string
	// workDir is a folder that lives as long as the suite.
	workDir string
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	var err error
	cluster, err = library.Start(ctx, fmt.Sprintf("integration-%d", os.Getpid()), "--nodes", "0", "--simulated", "3", "--platform", "AWS")
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the cluster:", err)
		return 1
	}
	defer func() {
		if err := cluster.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the cluster:", err)
		}
	}()
	dir, err := os.MkdirTemp("", "integration")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	workDir = dir
	if err := deploy(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, "deploying the operator:", err)
		return 1
	}
	code := m.Run()
	if operator != nil {
		if err := operator.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "the operator ended with %v\n%s\n", err, operator.Tail(40))
			code = 1
		}
	}
	return code
}

// deploy lets the version operator apply manifests/ and starts the operator process. The Deployment of the operator
// itself gets a pod that kwok only simulates.
func deploy(ctx context.Context, dir string) error {
	if err := cluster.Deploy(ctx, "--manifests", "../../manifests", "--version", "4.22.0-test"); err != nil {
		return err
	}
	if err := cluster.UntilServiceAccount(ctx, names.OperatorNamespace, names.OperatorDeployment); err != nil {
		return err
	}
	// One simulated machine is as good as three for this suite, but defaults differ.
	if err := cluster.SetTopology(ctx, configv1.HighlyAvailableTopologyMode); err != nil {
		return err
	}
	started = time.Now()
	var err error
	azureEndpoints = filepath.Join(dir, "azurestackcloud.json")
	operator, err = cluster.StartOperator(ctx, dir, "AZURE_ENVIRONMENT_FILEPATH="+azureEndpoints)
	return err
}

// fresh gives the test a newly bootstrapped Config on the given platform, with nothing left of the test before.
func fresh(t *testing.T, platform configv1.PlatformType) *imageregistryv1.Config {
	t.Helper()
	operator.PrintOnFailure(t)
	return cluster.Recreate(t, settle, platform)
}

// onEmptyDir is fresh with the simplest storage there is, and one replica.
func onEmptyDir(t *testing.T) *imageregistryv1.Config {
	t.Helper()
	fresh(t, configv1.NonePlatformType)
	cluster.Patch(t, `{"spec":{"managementState":"Managed","replicas":1,"storage":{"emptyDir":{}}}}`)
	return cluster.UntilAvailable(t, settle)
}
