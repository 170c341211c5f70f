package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/imageclient"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

// The registry as its clients in the cluster know it.
const (
	registryNamespace = "openshift-image-registry"
	registryService   = "image-registry"
	registryPort      = 5000
	// registryCAs is the ConfigMap that nodes trust the registry by; its keys are hosts, with ".." for the colon.
	registryCAs = "image-registry-certificates"
)

// imageTimeout bounds one push, pull or deletion.
const imageTimeout = time.Minute

// newImage are the commands that use the registry as a client in the cluster does.
func newImage(c *common) *cobra.Command {
	image := &cobra.Command{Use: "image", Short: "Push, pull, inspect or delete an image through the registry's service"}
	var layers int
	var size int64
	push := c.imageCommand("push REPOSITORY TAG", "Push a random image and print its digest",
		func(ctx context.Context, client imageclient.Client, args []string) (string, error) {
			return client.Push(ctx, args[0], args[1], layers, size)
		})
	push.Flags().IntVar(&layers, "layers", 2, "number of layers")
	push.Flags().Int64Var(&size, "size", 64<<10, "bytes of a layer")
	pull := c.imageCommand("pull REPOSITORY DIGEST", "Pull an image by digest, check every layer and print their bytes",
		func(ctx context.Context, client imageclient.Client, args []string) (string, error) {
			bytes, err := client.Pull(ctx, args[0], args[1])
			return strconv.FormatInt(bytes, 10), err
		})
	inspect := c.imageCommand("inspect REPOSITORY DIGEST", "Print the digests of what an image is made of, as JSON",
		func(ctx context.Context, client imageclient.Client, args []string) (string, error) {
			parts, err := client.Inspect(ctx, args[0], args[1])
			if err != nil {
				return "", err
			}
			text, err := json.Marshal(parts)
			return string(text), err
		})
	remove := c.imageCommand("delete REPOSITORY DIGEST", "Delete an image by digest and check that it is gone",
		func(ctx context.Context, client imageclient.Client, args []string) (string, error) {
			return args[1], client.Delete(ctx, args[0], args[1])
		})
	image.AddCommand(push, pull, inspect, remove)
	return image
}

// imageCommand makes a command that runs in the cluster's network: outside of it, it runs itself again inside.
func (c *common) imageCommand(use, short string, do func(context.Context, imageclient.Client, []string) (string, error)) *cobra.Command {
	var address, caFile string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if address == "" {
				return c.runImageInside(cmd.Context())
			}
			ca, err := os.ReadFile(caFile)
			if err != nil {
				return fmt.Errorf("reading the registry's certificate authority: %w", err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), imageTimeout)
			defer cancel()
			answer, err := do(ctx, imageclient.Client{Host: registryHost(), Address: address, CA: ca}, args)
			if err != nil {
				return err
			}
			fmt.Println(answer)
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "inside", "", "address of the registry's service; set when running in the cluster's network")
	cmd.Flags().StringVar(&caFile, "ca-file", "", "certificate authority of the registry")
	_ = cmd.Flags().MarkHidden("inside")
	_ = cmd.Flags().MarkHidden("ca-file")
	return cmd
}

func registryHost() string {
	return net.JoinHostPort(registryService+"."+registryNamespace+".svc", strconv.Itoa(registryPort))
}

// runImageInside repeats this process's command line in the network of the cluster's first node, where services have
// addresses, with what only the API knows.
func (c *common) runImageInside(ctx context.Context) error {
	paths, err := c.paths()
	if err != nil {
		return err
	}
	state, err := lifecycle.ReadState(paths)
	if err != nil {
		return err
	}
	address, ca, err := registryAccess(ctx, state.Kubeconfig)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "registry-ca")
	if err != nil {
		return fmt.Errorf("keeping the registry's certificate authority: %w", err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(ca); err != nil {
		return fmt.Errorf("keeping the registry's certificate authority: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("keeping the registry's certificate authority: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	line, err := lifecycle.Inside(state, 0, append(append([]string{self}, os.Args[1:]...), "--inside", address, "--ca-file", file.Name()))
	if err != nil {
		return err
	}
	return runForUser(ctx, exec.CommandContext(ctx, line[0], line[1:]...))
}

// registryAccess returns the address of the registry's service and the authority that the operator publishes for it.
func registryAccess(ctx context.Context, kubeconfig string) (address, ca string, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return "", "", fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", "", fmt.Errorf("making a client from %s: %w", kubeconfig, err)
	}
	service, err := client.CoreV1().Services(registryNamespace).Get(ctx, registryService, metav1.GetOptions{})
	if err != nil {
		return "", "", fmt.Errorf("finding the registry's service: %w", err)
	}
	published, err := client.CoreV1().ConfigMaps(registryNamespace).Get(ctx, registryCAs, metav1.GetOptions{})
	if err != nil {
		return "", "", fmt.Errorf("finding the registry's certificate authority: %w", err)
	}
	key := fmt.Sprintf("%s.%s.svc..%d", registryService, registryNamespace, registryPort)
	if published.Data[key] == "" {
		return "", "", fmt.Errorf("config map %s/%s has no key %s", registryNamespace, registryCAs, key)
	}
	return net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(registryPort)), published.Data[key], nil
}
