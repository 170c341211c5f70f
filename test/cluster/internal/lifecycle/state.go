package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// State describes a ready cluster for other programs.
type State struct {
	Name string `json:"name"`
	// PID is the supervisor.
	PID        int    `json:"pid"`
	Kubeconfig string `json:"kubeconfig"`
	// APIServer is the API server's address on this machine.
	APIServer string `json:"apiServer"`
	Nodes     int    `json:"nodes"`
	Simulated int    `json:"simulated"`
	// HostOperator says whether the operator is a process of the cluster, for lack of a node that runs it in a pod.
	HostOperator bool `json:"hostOperator,omitempty"`
	// Sandboxed says whether the cluster has namespaces of its own.
	Sandboxed bool   `json:"sandboxed"`
	AuditLog  string `json:"auditLog"`
	Logs      string `json:"logs"`
	// ReleaseDir is where `deploy` puts the release.
	ReleaseDir   string           `json:"releaseDir"`
	Family       addresses.Family `json:"family"`
	ClusterCIDRs ClusterCIDRs     `json:"clusterCIDRs"`
	S3           S3State          `json:"s3"`
	// InitPID is process 1 of the sandbox and NodePIDs, inside the sandbox, the processes that hold further nodes.
	InitPID  int            `json:"initPID,omitempty"`
	NodePIDs map[string]int `json:"nodePIDs,omitempty"`
}

// ClusterCIDRs are the address ranges of a cluster; of a dual one, two each with a comma between.
type ClusterCIDRs struct {
	Nodes    string `json:"nodes"`
	Pods     string `json:"pods"`
	Services string `json:"services"`
}

// S3State tells how to reach and use the S3 server.
type S3State struct {
	Endpoint             string `json:"endpoint"`
	STSEndpoint          string `json:"stsEndpoint"`
	Region               string `json:"region"`
	CAFile               string `json:"caFile"`
	AccessKeyID          string `json:"accessKeyID"`
	SecretAccessKey      string `json:"secretAccessKey"`
	OtherAccessKeyID     string `json:"otherAccessKeyID"`
	OtherSecretAccessKey string `json:"otherSecretAccessKey"`
	// AdminURL serves the recorded requests and takes faults to inject.
	AdminURL string `json:"adminURL"`
	// ProxyURL is an HTTP proxy for CONNECT that reaches the S3 names and nothing else: a process on this machine can
	// use them without a DNS server that knows them.
	ProxyURL string `json:"proxyURL"`
	// HostEndpoint is the endpoint by its address on this machine's loopback device: no name, so buckets are in the path.
	HostEndpoint string `json:"hostEndpoint"`
}

// ReadState reads the state of a ready cluster.
func ReadState(p Paths) (*State, error) {
	data, err := os.ReadFile(p.State())
	if errors.Is(err, os.ErrNotExist) {
		return nil, Cure(fmt.Errorf("cluster %s is not running", p.Name), "start it: `make run NAME="+p.Name+"` (or `cluster up --name "+p.Name+"`)")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state of cluster %s: %w", p.Name, err)
	}
	state := &State{}
	if err := json.Unmarshal(data, state); err != nil {
		return nil, fmt.Errorf("decoding the state of cluster %s: %w", p.Name, err)
	}
	return state, nil
}

// writeJSON writes a file in one step: a reader sees the old content, the new, or none.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	temporary := path + ".new"
	// It holds the keys of the S3 server.
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", temporary, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
