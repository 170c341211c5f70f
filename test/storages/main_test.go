// Package storages runs the operator against a server of every kind of storage, each under the names that its cloud has: a
// gate in place of the cluster's proxy leads them to this machine. There are no real nodes: kwok says that pods run. That
// images really go in and out is shown beside the backends, with a registry for each.
package storages

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// settle is how long the operator, the simulated nodes and the servers may take to reach a state that nothing holds up.
const settle = 2 * time.Minute

// What the suite shares: Config is a singleton, so its tests run one after another.
var (
	cluster  *library.Cluster
	operator *library.Operator
	clouds   *servers
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "storages")
	if err != nil {
		return complain("making a folder", err)
	}
	defer os.RemoveAll(dir)
	// On a platform without a cloud nobody hands out credentials: those of all clouds are in one Secret.
	if cluster, err = library.Start(ctx, fmt.Sprintf("storages-%d", os.Getpid()), "--nodes", "0", "--simulated", "2", "--platform", "None"); err != nil {
		return complain("starting the cluster", err)
	}
	defer func() {
		if err := cluster.Stop(context.Background()); err != nil {
			complain("stopping the cluster", err)
		}
	}()
	if clouds, err = startServers(ctx, dir); err != nil {
		return complain("starting the servers", err)
	}
	defer clouds.stop()
	if err := deploy(ctx, dir); err != nil {
		return complain("deploying the operator", err)
	}
	code := m.Run()
	if err := operator.Stop(); err != nil {
		code = complain("the operator ended\n"+operator.Tail(40), err)
	}
	if refused := clouds.gate.Refused(); len(refused) > 0 {
		code = complain("the operator asked for hosts that nobody here is", fmt.Errorf("%v", refused))
	}
	return code
}

func complain(what string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	return 1
}

// deploy lets the version operator apply manifests/, and starts the operator as a process that reaches the clouds through
// the gate.
func deploy(ctx context.Context, dir string) error {
	if err := cluster.Deploy(ctx, "--manifests", "../../manifests", "--version", "4.22.0-test"); err != nil {
		return err
	}
	if err := cluster.UntilServiceAccount(ctx, names.OperatorNamespace, names.OperatorDeployment); err != nil {
		return err
	}
	endpoints := filepath.Join(dir, "azurestackcloud.json")
	if err := errors.Join(clouds.writeCredentials(ctx), clouds.writeEndpoints(ctx, endpoints)); err != nil {
		return err
	}
	roots, err := clouds.trust()
	if err != nil {
		return err
	}
	trust := filepath.Join(dir, "trust.pem")
	if err := os.WriteFile(trust, roots, 0o600); err != nil {
		return err
	}
	operator, err = cluster.StartOperator(ctx, dir,
		"HTTPS_PROXY="+clouds.gate.URL, "SSL_CERT_FILE="+trust, "AZURE_ENVIRONMENT_FILEPATH="+endpoints)
	return err
}
