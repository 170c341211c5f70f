package library

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// The pod of a hosted control plane, as the cluster that hosts it knows it.
const (
	hostingNamespace = "clusters-elsewhere"
	hostingPod       = "cluster-image-registry-operator-elsewhere"
)

// StartOutside starts the operator as a hosted control plane does: outside of the cluster, with a kubeconfig, and
// otherwise as its Deployment says. Arguments and variables are the Deployment's; paths in them are below dir, where the
// volumes are laid out as the pod would have them. What differs is the address to serve on, which has to be free here.
func (c *Cluster) StartOutside(ctx context.Context, dir string, deployment *appsv1.Deployment, env ...string) (*Operator, error) {
	pod := &deployment.Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.Containers[0].Command) > 0 {
		return nil, errors.New("the operator has one container, which runs its image's own command")
	}
	container := &pod.Containers[0]
	for _, mount := range container.VolumeMounts {
		if err := c.layOut(ctx, filepath.Join(dir, mount.MountPath), volume(pod, mount.Name)); err != nil {
			return nil, fmt.Errorf("volume %s: %w", mount.Name, err)
		}
	}
	var args []string
	address := ""
	for _, arg := range container.Args {
		flag, path, _ := strings.Cut(arg, "=")
		below, err := moved(dir, path, container.VolumeMounts)
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", arg, err)
		}
		if flag == "--config" {
			if address, err = listenElsewhere(ctx, dir, below, container.Ports); err != nil {
				return nil, err
			}
		}
		args = append(args, flag+"="+below)
	}
	kubeconfig, err := c.operatorKubeconfig(ctx, dir)
	if err != nil {
		return nil, err
	}
	variables := []string{"HTTPS_PROXY=" + c.S3.ProxyURL, "NO_PROXY=" + noProxy}
	for _, variable := range container.Env {
		value := fieldOf(variable)
		if below, err := moved(dir, value, container.VolumeMounts); err == nil {
			value = below
		}
		variables = append(variables, variable.Name+"="+value)
	}
	return launch(dir, address, append(args, "--kubeconfig="+kubeconfig), append(variables, env...))
}

func volume(pod *corev1.PodSpec, name string) *corev1.VolumeSource {
	for i := range pod.Volumes {
		if pod.Volumes[i].Name == name {
			return &pod.Volumes[i].VolumeSource
		}
	}
	return &corev1.VolumeSource{}
}

// layOut writes what a volume holds.
func (c *Cluster) layOut(ctx context.Context, dir string, source *corev1.VolumeSource) error { //nolint:gocyclo // one case for each kind of volume
	files := map[string][]byte{}
	switch {
	case source.EmptyDir != nil:
	case source.Secret != nil:
		secret, err := c.untilSecret(ctx, source.Secret.SecretName)
		if err != nil {
			return err
		}
		files = secret.Data
	case source.ConfigMap != nil:
		found, err := c.Kube.CoreV1().ConfigMaps(names.OperatorNamespace).Get(ctx, source.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		files = keysOf(found, source.ConfigMap)
	case source.Projected != nil && len(source.Projected.Sources) == 1 && source.Projected.Sources[0].ServiceAccountToken != nil:
		wanted := source.Projected.Sources[0].ServiceAccountToken
		request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{wanted.Audience}, ExpirationSeconds: ptr.To[int64](3600)}}
		token, err := c.Kube.CoreV1().ServiceAccounts(names.OperatorNamespace).CreateToken(ctx, names.OperatorDeployment, request, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		files[wanted.Path] = []byte(token.Status.Token)
	default:
		return fmt.Errorf("no such source is known here: %+v", source)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func keysOf(found *corev1.ConfigMap, source *corev1.ConfigMapVolumeSource) map[string][]byte {
	files := map[string][]byte{}
	for key, content := range found.Data {
		name := key
		for _, item := range source.Items {
			name = ""
			if item.Key == key {
				name = item.Path
				break
			}
		}
		if name != "" {
			files[name] = []byte(content)
		}
	}
	return files
}

// moved is a path of the container as it is below dir; a path that no volume provides is an error.
func moved(dir, path string, mounts []corev1.VolumeMount) (string, error) {
	for _, mount := range mounts {
		if strings.HasPrefix(path, strings.TrimSuffix(mount.MountPath, "/")+"/") {
			return filepath.Join(dir, path), nil
		}
	}
	return "", fmt.Errorf("%q is in no volume of the pod", path)
}

// fieldOf is a variable's value. A field of the pod is that of the pod in the cluster that hosts it.
func fieldOf(variable corev1.EnvVar) string {
	switch from := variable.ValueFrom; {
	case from == nil:
		return variable.Value
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return hostingNamespace
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
		return hostingPod
	}
	return ""
}

// listenElsewhere puts a free address of this host, and the key pair below dir, into the configuration file. The port that
// was there must be the container's.
func listenElsewhere(ctx context.Context, dir, path string, ports []corev1.ContainerPort) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var config map[string]any
	if err := yaml.Unmarshal(content, &config); err != nil {
		return "", fmt.Errorf("decoding %s: %w", path, err)
	}
	serving, is := config["servingInfo"].(map[string]any)
	if !is || len(ports) != 1 {
		return "", fmt.Errorf("%s has no servingInfo, or the container not one port", path)
	}
	bind, _ := serving["bindAddress"].(string)
	if _, port, err := net.SplitHostPort(bind); err != nil || port != fmt.Sprint(ports[0].ContainerPort) {
		return "", fmt.Errorf("%s binds %q, but the container's port is %d", path, bind, ports[0].ContainerPort)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return "", err
	}
	serving["bindAddress"] = address
	// Where the operator looks for it without a word in its configuration.
	serving["certFile"], serving["keyFile"] = filepath.Join(dir, "/etc/secrets/tls.crt"), filepath.Join(dir, "/etc/secrets/tls.key")
	if content, err = yaml.Marshal(config); err != nil {
		return "", err
	}
	return address, os.WriteFile(path, content, 0o600)
}
