package operator

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	configclient "github.com/openshift/client-go/config/clientset/versioned"
	imageregistryclient "github.com/openshift/client-go/imageregistry/clientset/versioned"
	routeclient "github.com/openshift/client-go/route/clientset/versioned"

	"github.com/openshift/cluster-image-registry-operator/pkg/imagestreams"
	"github.com/openshift/cluster-image-registry-operator/pkg/version"
)

const (
	// The library's defaults (5 requests per second, burst of 10) made the reference spend most of a rollout waiting
	// for itself. Steady state is silent, so the limit only has to stop a bug from becoming a flood.
	clientQPS   = 50
	clientBurst = 100
)

// clients reach the cluster that is managed.
type clients struct {
	kube     kubernetes.Interface
	config   configclient.Interface
	registry imageregistryclient.Interface
	route    routeclient.Interface
	metadata metadata.Interface
	// dynamic is for objects that may hold what Go's types cannot.
	dynamic dynamic.Interface
	// imageStreams counts, and does nothing else.
	imageStreams *imagestreams.Client
}

// restConfig takes the kubeconfig, or the pod's ServiceAccount when there is none.
func restConfig(kubeconfig string) (*rest.Config, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, fmt.Errorf("building the client configuration: %w", err)
	}
	config.UserAgent = userAgent()
	config.QPS, config.Burst = clientQPS, clientBurst
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return impatient{next} })
	return config, nil
}

func userAgent() string { return "cluster-image-registry-operator/" + version.Version }

// protobuf is cheaper on both ends, but only built-in kinds have it; JSON is accepted from an aggregated server that
// has no other.
func protobuf(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// newClients makes all clients over one connection pool.
func newClients(config *rest.Config) (clients, error) {
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return clients{}, fmt.Errorf("making the HTTP client: %w", err)
	}
	var c clients
	if c.kube, err = kubernetes.NewForConfigAndClient(protobuf(config), transport); err != nil {
		return c, fmt.Errorf("making the client for built-in kinds: %w", err)
	}
	if c.config, err = configclient.NewForConfigAndClient(config, transport); err != nil {
		return c, fmt.Errorf("making the client for config.openshift.io: %w", err)
	}
	if c.registry, err = imageregistryclient.NewForConfigAndClient(config, transport); err != nil {
		return c, fmt.Errorf("making the client for imageregistry.operator.openshift.io: %w", err)
	}
	if c.route, err = routeclient.NewForConfigAndClient(config, transport); err != nil {
		return c, fmt.Errorf("making the client for route.openshift.io: %w", err)
	}
	if c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), transport); err != nil {
		return c, fmt.Errorf("making the client for metadata: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(config), transport); err != nil {
		return c, fmt.Errorf("making the client for untyped objects: %w", err)
	}
	if c.imageStreams, err = imagestreams.NewClient(config, transport); err != nil {
		return c, err
	}
	return c, nil
}

// leaseClient gives up on a request when the lease would be lost anyway.
func leaseClient(config *rest.Config, t timings) (coordinationv1client.LeasesGetter, error) {
	config = protobuf(config)
	config.Timeout = t.renew
	client, err := coordinationv1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making the client for the lease: %w", err)
	}
	return client, nil
}
