package bootstrap

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/tlsprofile"
)

// tls is the best effort to spare the registry its second rollout: a failure only leaves the settings to be observed
// later.
func (c *controller) tls() *tlsprofile.Settings {
	server, err := c.APIServers.Get(names.Cluster)
	if apierrors.IsNotFound(err) {
		klog.InfoS("no TLS security profile, using the default one", "reason", err.Error())
		server, err = &configv1.APIServer{}, nil
	}
	if err != nil {
		klog.ErrorS(err, "reading the TLS security profile", "kind", "APIServer", "name", names.Cluster)
		return nil
	}
	observed, err := tlsprofile.Observe(server.Spec.TLSSecurityProfile)
	if err != nil {
		klog.ErrorS(err, "reading the TLS security profile", "kind", "APIServer", "name", names.Cluster)
		return nil
	}
	return &observed.Settings
}
