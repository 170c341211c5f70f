package trust

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const (
	shortHost = names.Registry + "." + names.OperatorNamespace + ".svc"
	longHost  = shortHost + ".cluster.local"
	httpsPort = 443
)

// ownKeys are the keys for the registry's own host names. A key cannot hold a colon, so two dots stand for it.
func ownKeys(service *corev1.Service) []string {
	port := ""
	if len(service.Spec.Ports) > 0 && service.Spec.Ports[0].Port != httpsPort {
		port = fmt.Sprintf("..%d", service.Spec.Ports[0].Port)
	}
	return []string{shortHost + port, longHost + port}
}

// isOperators tells whether the operator may have published the key for itself, at whatever port the Service had.
func isOperators(key string) bool {
	host, _, _ := strings.Cut(key, "..")
	return host == shortHost || host == longHost || key == names.StorageCABundleKey
}
