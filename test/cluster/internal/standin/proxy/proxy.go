// Package proxy stands in for the part of OpenShift's network operator that turns the Proxy's spec into its status, which is
// what everything else reads.
package proxy

import (
	"context"
	"fmt"
	"net/url"
	"sort"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const name = "cluster"

// Networks are what a proxy must never be asked for.
type Networks struct {
	// Cluster, Service and Machine are the CIDRs of pods, Services and nodes.
	Cluster, Service, Machine []string
	// APIServer is the internal name of the API server, if it has one.
	APIServer string
}

type translator struct {
	*loop.Cluster
	networks Networks
}

// New makes the stand-in.
func New(cluster *loop.Cluster, networks Networks) (*loop.Controller, error) {
	t := &translator{Cluster: cluster, networks: networks}
	c := loop.New("proxy", t.sync)
	if err := c.Watch(cluster.DynamicInformers.ForResource(gvr.Proxies).Informer(), loop.Always(name)); err != nil {
		return nil, err
	}
	return c, c.Watch(cluster.DynamicInformers.ForResource(gvr.Infrastructures).Informer(), loop.Always(name))
}

func (t *translator) sync(ctx context.Context, _ string) error {
	proxy, err := loop.Cached[configv1.Proxy](t.Cluster, gvr.Proxies, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	infrastructure, err := loop.Cached[configv1.Infrastructure](t.Cluster, gvr.Infrastructures, name)
	if err != nil {
		return err // without the platform the defaults would lack its metadata service
	}
	obj, err := loop.Unstructured(proxy)
	if err != nil {
		return err
	}
	status, err := Status(proxy.Spec, infrastructure.Status.PlatformStatus, t.networks)
	if err != nil {
		t.Refuse(obj, "InvalidProxy", "%v; status stays as it was", err)
		return nil
	}
	if equality.Semantic.DeepEqual(proxy.Status, status) {
		return nil
	}
	proxy.Status = status
	_, err = loop.WriteStatus(ctx, t.Dynamic, gvr.Proxies, proxy)
	return err
}

// Status is what the spec means in this cluster.
func Status(spec configv1.ProxySpec, platform *configv1.PlatformStatus, networks Networks) (configv1.ProxyStatus, error) {
	if len(spec.ReadinessEndpoints) > 0 {
		return configv1.ProxyStatus{}, fmt.Errorf("spec.readinessEndpoints: not supported by this cluster, it has nothing outside to reach")
	}
	if spec.HTTPProxy == "" && spec.HTTPSProxy == "" {
		return configv1.ProxyStatus{}, nil
	}
	for field, value := range map[string]string{"httpProxy": spec.HTTPProxy, "httpsProxy": spec.HTTPSProxy} {
		if err := checkURL(value); err != nil {
			return configv1.ProxyStatus{}, fmt.Errorf("spec.%s: %w", field, err)
		}
	}
	return configv1.ProxyStatus{
		HTTPProxy:  spec.HTTPProxy,
		HTTPSProxy: spec.HTTPSProxy,
		NoProxy:    noProxy(spec.NoProxy, platform, networks),
	}, nil
}

func checkURL(value string) error {
	if value == "" {
		return nil
	}
	parsed, err := url.Parse(value)
	if err != nil {
		return fmt.Errorf("not a URL") // the parser's text repeats the value, which may hold a password
	}
	if (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return fmt.Errorf("must be an http or https URL with a host")
	}
	return nil
}

// noProxy adds what must never go through a proxy to what the administrator lists; "*" already means everything.
func noProxy(own string, platform *configv1.PlatformStatus, networks Networks) string {
	if own == "*" {
		return own
	}
	all := sets.New(".cluster.local", ".svc", "127.0.0.1", "localhost")
	all.Insert(networks.Cluster...).Insert(networks.Service...).Insert(networks.Machine...)
	if networks.APIServer != "" {
		all.Insert(networks.APIServer)
	}
	all.Insert(platformNames(platform)...)
	for entry := range strings.SplitSeq(own, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			all.Insert(entry)
		}
	}
	list := all.UnsortedList()
	sort.Strings(list)
	return strings.Join(list, ",")
}

// platformNames are the addresses of a cloud's own services on its machines.
func platformNames(platform *configv1.PlatformStatus) []string {
	if platform == nil {
		return nil
	}
	const metadataService = "169.254.169.254"
	switch platform.Type {
	case configv1.AWSPlatformType:
		names := []string{metadataService}
		if platform.AWS != nil && platform.AWS.Region == "us-east-1" {
			names = append(names, ".ec2.internal")
		} else if platform.AWS != nil && platform.AWS.Region != "" {
			names = append(names, "."+platform.AWS.Region+".compute.internal")
		}
		return names
	case configv1.GCPPlatformType:
		return []string{metadataService, "metadata", "metadata.google.internal", "metadata.google.internal."}
	case configv1.AzurePlatformType, configv1.OpenStackPlatformType:
		return []string{metadataService}
	default:
		return nil
	}
}
