// Package standin runs what an OpenShift cluster adds to Kubernetes and the registry operator relies on. Each stand-in is
// small and strict: what it does not know it refuses, in the log and with a warning Event, and never passes over in silence.
package standin

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/credentials"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/featuregates"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/namespaces"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/proxy"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/routes"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/serviceca"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/trustedca"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/versionoperator"
)

// userAgent tells the stand-ins' requests from others in the audit log.
const userAgent = "standins"

// The stand-ins must never be what a measurement waits for, so their client is not throttled to client-go's default of five
// requests a second.
const (
	requestsPerSecond = 200
	requestBurst      = 400
)

// DefaultAppsDomain is where Routes without a host of their own are served.
const DefaultAppsDomain = "apps.cluster.test"

// Options say what the stand-ins cannot read from the cluster.
type Options struct {
	// ReleaseDir holds release.json and manifests/ for the version operator.
	ReleaseDir string
	// AppsDomain ends generated host names; empty: DefaultAppsDomain.
	AppsDomain string
	// SystemCABundle is what nodes trust by themselves; it is part of every injected trusted CA bundle.
	SystemCABundle []byte
	// ServiceCA bounds the life of serving certificates.
	ServiceCA serviceca.Options
	// Credentials answer the CredentialsRequests of the cluster's cloud.
	Credentials credentials.Options
	// Networks are never to be reached through a proxy.
	Networks proxy.Networks
	// NamespaceBlocks keep fixed user id ranges for namespaces; nil: DefaultNamespaceBlocks.
	NamespaceBlocks map[string]int
}

// DefaultNamespaceBlocks give the registry's namespace the range 1000640000/10000 in every cluster, so that what depends on
// it can be compared between clusters.
var DefaultNamespaceBlocks = map[string]int{"openshift-image-registry": 64}

// Run runs all stand-ins until the context ends.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	cluster, stop, err := connect(cfg)
	if err != nil {
		return err
	}
	defer stop()
	controllers, err := construct(ctx, cluster, o)
	if err != nil {
		return err
	}
	cluster.KubeInformers.Start(ctx.Done())
	cluster.DynamicInformers.Start(ctx.Done())
	var running sync.WaitGroup
	for _, c := range controllers {
		running.Go(func() { c.Run(ctx) })
	}
	running.Wait()
	cluster.KubeInformers.Shutdown()
	cluster.DynamicInformers.Shutdown()
	return nil
}

func connect(cfg *rest.Config) (*loop.Cluster, func(), error) {
	cfg = rest.AddUserAgent(rest.CopyConfig(cfg), userAgent)
	cfg.QPS, cfg.Burst = requestsPerSecond, requestBurst
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client for the stand-ins: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("making a dynamic client for the stand-ins: %w", err)
	}
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	return &loop.Cluster{
		Kube:             kube,
		Dynamic:          dynamicClient,
		KubeInformers:    informers.NewSharedInformerFactory(kube, 0),
		DynamicInformers: dynamicinformer.NewDynamicSharedInformerFactory(dynamicClient, 0),
		Recorder:         broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: userAgent}),
	}, broadcaster.Shutdown, nil
}

// construct makes every stand-in. It is the one place that knows them all.
func construct(ctx context.Context, cluster *loop.Cluster, o Options) ([]*loop.Controller, error) {
	if o.AppsDomain == "" {
		o.AppsDomain = DefaultAppsDomain
	}
	if o.NamespaceBlocks == nil {
		o.NamespaceBlocks = DefaultNamespaceBlocks
	}
	controllers, err := serviceca.New(ctx, cluster, o.ServiceCA)
	if err != nil {
		return nil, fmt.Errorf("service CA: %w", err)
	}
	for _, one := range []struct {
		name string
		make func() (*loop.Controller, error)
	}{
		{"routes", func() (*loop.Controller, error) { return routes.New(cluster, o.AppsDomain) }},
		{"trusted CA", func() (*loop.Controller, error) { return trustedca.New(cluster, o.SystemCABundle) }},
		{"proxy", func() (*loop.Controller, error) { return proxy.New(cluster, o.Networks) }},
		{"namespaces", func() (*loop.Controller, error) { return namespaces.New(cluster, o.NamespaceBlocks) }},
		{"credentials", func() (*loop.Controller, error) { return credentials.New(cluster, o.Credentials) }},
		{"feature gates", func() (*loop.Controller, error) { return featuregates.New(cluster) }},
		{"version operator", func() (*loop.Controller, error) {
			return versionoperator.New(cluster, versionoperator.Options{Dir: o.ReleaseDir})
		}},
	} {
		c, err := one.make()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
		controllers = append(controllers, c)
	}
	return controllers, nil
}
