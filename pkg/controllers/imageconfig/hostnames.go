package imageconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	configv1 "github.com/openshift/api/config/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// httpsPort is not written behind a hostname.
const httpsPort = 443

// defaultHost is how the host that a router makes up for the default route begins.
const defaultHost = names.DefaultRoute + "-" + names.OperatorNamespace

// Inputs are what the status is made of; nil objects do not exist.
type Inputs struct {
	// Current is the object as cached.
	Current *configv1.Image
	Service *corev1.Service
	// Managed says that the operator provides the registry: a Service that is not there is missing, and comes back.
	Managed bool
	// Routes are those of the operator's namespace. RoutesKnown is false while their API has not answered.
	Routes      []*routev1.Route
	RoutesKnown bool
	// ImportMode tells that the feature gate ImageStreamImportMode is on; ClusterVersion matters only then.
	ImportMode     bool
	ClusterVersion *configv1.ClusterVersion
}

// Desired is the status that should be published: the current one with our fields set. The hostname stays while the Service
// is only missing: the whole cluster follows it, the pruner included.
func Desired(in Inputs) (configv1.ImageStatus, error) {
	status := configv1.ImageStatus{}
	if in.Current != nil {
		status = *in.Current.Status.DeepCopy()
	}
	var err error
	if in.Service != nil || !in.Managed {
		if status.InternalRegistryHostname, err = internal(in.Service); err != nil {
			return status, err
		}
	}
	if in.RoutesKnown {
		status.ExternalRegistryHostnames = external(in.Routes)
	}
	if in.ImportMode {
		status.ImageStreamImportMode, err = importMode(in)
	}
	return status, err
}

// internal is the name of the Service inside the cluster.
func internal(service *corev1.Service) (string, error) {
	if service == nil {
		return "", nil
	}
	if len(service.Spec.Ports) == 0 {
		return "", fmt.Errorf("service %s/%s has no port", service.Namespace, service.Name)
	}
	host := service.Name + "." + service.Namespace + ".svc"
	if port := service.Spec.Ports[0].Port; port != httpsPort {
		host = fmt.Sprintf("%s:%d", host, port)
	}
	return host, nil
}

// external are the hosts of all routes that we made, sorted. The host of the default route comes first, because readers
// take the first entry as the public name of the registry. With several routers there are several such hosts: one that
// was admitted is preferred, then the first by name, so that the choice does not change from sync to sync.
func external(routes []*routev1.Route) []string {
	hosts, admitted := sets.New[string](), sets.New[string]()
	for _, route := range routes {
		if _, ours := route.Annotations[names.OwnedAnnotation]; !ours {
			continue
		}
		for _, ingress := range route.Status.Ingress {
			if ingress.Host == "" {
				continue
			}
			hosts.Insert(ingress.Host)
			if isAdmitted(ingress) {
				admitted.Insert(ingress.Host)
			}
		}
	}
	sorted := sets.List(hosts)
	first := slices.IndexFunc(sorted, func(host string) bool { return strings.HasPrefix(host, defaultHost) && admitted.Has(host) })
	if first < 0 {
		first = slices.IndexFunc(sorted, func(host string) bool { return strings.HasPrefix(host, defaultHost) })
	}
	if first > 0 {
		host := sorted[first]
		sorted = slices.Insert(slices.Delete(sorted, first, first+1), 0, host)
	}
	if len(sorted) == 0 {
		return nil
	}
	return sorted
}

func isAdmitted(ingress routev1.RouteIngress) bool {
	return slices.ContainsFunc(ingress.Conditions, func(condition routev1.RouteIngressCondition) bool {
		return condition.Type == routev1.RouteAdmitted && condition.Status == corev1.ConditionTrue
	})
}

// importMode is what the administrator says, else what goes with the payload of the release.
func importMode(in Inputs) (configv1.ImportModeType, error) {
	if in.Current != nil && in.Current.Spec.ImageStreamImportMode != "" {
		return in.Current.Spec.ImageStreamImportMode, nil
	}
	if in.ClusterVersion == nil {
		return "", errors.New("clusterversion " + names.ClusterVersion + " does not exist: the import mode of image streams is not known")
	}
	if in.ClusterVersion.Status.Desired.Architecture == configv1.ClusterVersionArchitectureMulti {
		return configv1.ImportModePreserveOriginal, nil
	}
	return configv1.ImportModeLegacy, nil
}
