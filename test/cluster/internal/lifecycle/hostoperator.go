package lifecycle

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/hostoperator"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// operatorProcess names the operator's process and its log where it does not run in a pod.
const operatorProcess = "operator"

// OperatorLog is the log of an operator that is a process of the cluster.
func (s *State) OperatorLog() string { return filepath.Join(s.Logs, operatorProcess+".log") }

// startHostOperator starts what waits for a release and then runs the operator: one of the cluster's programs, so that it
// ends with the cluster, however that happens.
func (e *engine) startHostOperator(context.Context) error {
	if e.Options.Operator == "" {
		return nil
	}
	config, err := e.creds.User(e.Control, "cluster-host-operator", "system:masters")
	if err != nil {
		return err
	}
	_, err = e.group.Start(process.Spec{
		Name: operatorProcess, Path: e.Self, Env: []string{"HOME=" + e.Control.Dir},
		Args: []string{"cluster", "host-operator", "--config", e.Paths.engineConfig(), "--kubeconfig", config},
	})
	return err
}

// RunHostOperator is the main function of the process that runs the operator.
func RunHostOperator(ctx context.Context, configPath, kubeconfig string) error {
	config, err := readEngineConfig(configPath)
	if err != nil {
		return err
	}
	return hostoperator.Run(ctx, hostoperator.Options{
		Binary: config.Options.Operator, Kubeconfig: kubeconfig, Dir: config.Control.Dir,
		Release:    filepath.Join(config.Paths.Release(), releaseFile),
		HTTPSProxy: "http://" + config.S3.Proxy,
		NoProxy:    strings.Join([]string{config.Control.Advertise, "127.0.0.1", "::1", "localhost"}, ","),
	})
}
