package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
)

// Inside puts what enters a node's namespaces in front of a command line.
func Inside(state *State, node int, command []string) ([]string, error) {
	if !state.Sandboxed {
		return nil, Cure(fmt.Errorf("cluster %s has no sandbox", state.Name), "its programs run on this machine: just run the command")
	}
	line := []string{"nsenter", "--target", strconv.Itoa(state.InitPID), "--pid", "--mount", "--net", "--uts", "--ipc", "--"}
	if node > 0 {
		// The process is known by its number in the sandbox, hence one after the other.
		pid, known := state.NodePIDs[addresses.NodeName(node)]
		if !known {
			return nil, fmt.Errorf("cluster %s has no real node %d", state.Name, node)
		}
		line = append(line, "nsenter", "--target", strconv.Itoa(pid), "--mount", "--net", "--uts", "--")
	}
	return append(line, command...), nil
}

// Kubectl returns the path of the multi-call binary that the cluster runs, which is its kubectl too.
func Kubectl(p Paths) (string, error) {
	if _, err := ReadState(p); err != nil {
		return "", err
	}
	config, err := readEngineConfig(p.engineConfig())
	if err != nil {
		return "", err
	}
	return config.Control.Kube, nil
}

// Running returns the state of a cluster that is ready and whose supervisor lives.
func Running(p Paths) (*State, error) {
	state, err := ReadState(p)
	if err != nil {
		if l, lockErr := tryLock(p); lockErr == nil {
			l.release()
			return nil, err
		}
		return nil, Cure(fmt.Errorf("cluster %s is starting or ending (process %d)", p.Name, holder(p)), "look again in a moment")
	}
	if l, err := tryLock(p); err == nil {
		l.release()
		return nil, Cure(fmt.Errorf("cluster %s has ended without cleaning up", p.Name), "run "+downCommands(p.Name))
	}
	return state, nil
}

// Status prints what a cluster is made of and whether it answers.
func Status(ctx context.Context, p Paths, out io.Writer) error {
	state, err := Running(p)
	if err != nil {
		return err
	}
	since := time.Duration(0)
	if info, err := os.Stat(p.State()); err == nil {
		since = time.Since(info.ModTime()).Round(time.Second)
	}
	fmt.Fprintf(out, "cluster     %s, ready for %s, supervisor %d\n", state.Name, since, state.PID)
	fmt.Fprintf(out, "API server  %s\nkubeconfig  %s\nlogs        %s\n", state.APIServer, state.Kubeconfig, state.Logs)
	fmt.Fprintf(out, "S3          %s (recorded requests: %s)\n", state.S3.Endpoint, state.S3.AdminURL)
	return printNodes(ctx, state, out)
}

func printNodes(ctx context.Context, state *State, out io.Writer) error {
	config, err := clientcmd.BuildConfigFromFlags("", state.Kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", state.Kubeconfig, err)
	}
	config.Timeout = 5 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client of cluster %s: %w", state.Name, err)
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Cure(fmt.Errorf("asking cluster %s for its nodes: %w", state.Name, err), "look into "+state.Logs)
	}
	var unready error
	for i := range nodes.Items {
		node := &nodes.Items[i]
		how := "ready"
		if err := readiness(node); err != nil {
			how = err.Error()
			unready = errors.Join(unready, err)
		}
		fmt.Fprintf(out, "node        %s, zone %s, %s\n", node.Name, node.Labels[corev1.LabelTopologyZone], how)
	}
	return unready
}
