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
	image := &cobra.Command{Use: "image", Short: "Push, pull, inspect or delete images through the registry's service"}
	var layers int
	var size int64
	push := c.imageCommand("push REPOSITORY TAG...", "Push a random image for each tag and print its digest",
		func(ctx context.Context, client imageclient.Client, repository, tag string) (string, error) {
			return client.Push(ctx, repository, tag, layers, size)
		})
	push.Flags().IntVar(&layers, "layers", 2, "number of layers")
	push.Flags().Int64Var(&size, "size", 64<<10, "bytes of a layer")
	var pause time.Duration
	pull := c.imageCommand("pull REPOSITORY DIGEST...", "Pull images by digest, check every layer and print their bytes",
		func(ctx context.Context, client imageclient.Client, repository, digest string) (string, error) {
			bytes, err := client.Pull(ctx, repository, digest)
			if err == nil {
				// Who watches a registry by pulling all the time leaves the machine to others in between.
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
			return strconv.FormatInt(bytes, 10), err
		})
	pull.Flags().DurationVar(&pause, "pause", 0, "time to wait after each image")
	inspect := c.imageCommand("inspect REPOSITORY DIGEST...", "Print the digests of what an image is made of, as JSON",
		func(ctx context.Context, client imageclient.Client, repository, digest string) (string, error) {
			parts, err := client.Inspect(ctx, repository, digest)
			if err != nil {
				return "", err
			}
			text, err := json.Marshal(parts)
			return string(text), err
		})
	remove := c.imageCommand("delete REPOSITORY DIGEST...", "Delete images by digest and check that they are gone",
		func(ctx context.Context, client imageclient.Client, repository, digest string) (string, error) {
			return digest, client.Delete(ctx, repository, digest)
		})
	image.AddCommand(push, pull, inspect, remove)
	return image
}

// imageAction does one thing to one image, known by its tag or digest, and returns what to print.
type imageAction func(ctx context.Context, client imageclient.Client, repository, reference string) (string, error)

// imageCommand makes a command that runs in the cluster's network: outside of it, it runs itself again inside. Starting
// it costs more than a small image does, so it takes many, one after the other, and ends at the first that fails.
func (c *common) imageCommand(use, short string, do imageAction) *cobra.Command {
	var address, caFile string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if address == "" {
				return c.runImageInside(cmd.Context())
			}
			ca, err := os.ReadFile(caFile)
			if err != nil {
				return fmt.Errorf("reading the registry's certificate authority: %w", err)
			}
			client := imageclient.Client{Host: registryHost(), Address: address, CA: ca}
			for _, reference := range args[1:] {
				if err := do.print(cmd.Context(), client, args[0], reference); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "inside", "", "address of the registry's service; set when running in the cluster's network")
	cmd.Flags().StringVar(&caFile, "ca-file", "", "certificate authority of the registry")
	_ = cmd.Flags().MarkHidden("inside")
	_ = cmd.Flags().MarkHidden("ca-file")
	return cmd
}

// print does the action within imageTimeout and prints its answer as a line.
func (do imageAction) print(ctx context.Context, client imageclient.Client, repository, reference string) error {
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	answer, err := do(ctx, client, repository, reference)
	if err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
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
