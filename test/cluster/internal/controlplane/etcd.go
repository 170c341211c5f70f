package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// StartEtcd starts etcd. It speaks plain HTTP on the loopback device: in a sandbox nobody else is there, outside of one
// it holds nothing but test data.
func StartEtcd(g *process.Group, c Config) error {
	client := fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPort)
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPeerPort)
	_, err := g.Start(process.Spec{
		Name: "etcd",
		Path: c.Kube,
		Args: []string{
			"etcd",
			"--name=default",
			"--data-dir=" + filepath.Join(c.Dir, "etcd"),
			"--listen-client-urls=" + client,
			"--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=default=" + peer,
			// Nothing here is worth surviving a power failure, and fsync is most of etcd's time on a slow disk: without
			// this a 2-core machine with a busy disk loses leader leases.
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
	})
	return err
}

// StartAPIServer starts the API server. It may be started together with etcd, which it waits for.
func StartAPIServer(g *process.Group, c Config, creds *Credentials) error {
	policy, err := c.writeFile("audit-policy.yaml", auditPolicy)
	if err != nil {
		return err
	}
	_, err = g.Start(process.Spec{
		Name: "kube-apiserver",
		Path: c.Kube,
		Args: append([]string{"kube-apiserver"}, apiServerFlags(c, creds, policy)...),
		Env:  append(os.Environ(), apiServerGC),
	})
	return err
}

// apiServerGC lets the API server's heap grow to three times what is live, not to twice: a fifth of its time went to the garbage
// collector, and it takes a third of all the time that tests on a cluster take. It costs 250 MB.
const apiServerGC = "GOGC=200"

// WaitAPIServer waits until the API server says it is ready. Its readiness includes the default namespaces and RBAC
// rules being there, which is what everything that follows needs.
func WaitAPIServer(ctx context.Context, g *process.Group, client *http.Client, c Config) error {
	return g.Until(ctx, "the API server", 2*time.Minute, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server()+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("making the request: %w", err)
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("asking %s: %w", c.Server(), err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("asking %s/readyz: %s", c.Server(), response.Status)
		}
		return nil
	})
}
