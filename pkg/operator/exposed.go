package operator

import (
	"crypto/x509"
	"encoding/pem"
	"time"

	corev1 "k8s.io/api/core/v1"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/imagestreams"
	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// watchImageStreams: nobody reconciles image streams, they are only counted.
func (i *informerSet) watchImageStreams(c clients) {
	i.imageStreams = imagestreams.NewCounter(c.imageStreams)
	i.add(i.imageStreams, i.imageStreams.Informer(), watch{
		kind: "imagestreams.image.openshift.io", users: "metrics", optional: true,
		wide: "all are counted, and two numbers kept of each",
	})
}

// expose has the metrics show what the caches hold at the time of a scrape.
func (in *Inputs) expose(m *metrics.Metrics) {
	m.ImageStreams(in.tags)
	m.State(in.conditions, in.certificates)
}

func (in *Inputs) tags() ([]metrics.Tags, bool) {
	counts, known := in.informers.imageStreams.Count()
	const imported, pushed, platform, other = "imported", "pushed", "openshift", "other"
	return []metrics.Tags{
		{Source: imported, Location: platform, Number: counts.Platform.Imported},
		{Source: pushed, Location: platform, Number: counts.Platform.Pushed},
		{Source: imported, Location: other, Number: counts.Other.Imported},
		{Source: pushed, Location: other, Number: counts.Other.Pushed},
	}, known
}

// conditions are those of Config and ImagePruner. An object that is not there has none.
func (in *Inputs) conditions() []metrics.Condition {
	var all []metrics.Condition
	add := func(resource string, conditions []operatorv1.OperatorCondition) {
		for _, c := range conditions {
			all = append(all, metrics.Condition{Resource: resource, Type: c.Type, Reason: c.Reason, True: c.Status == operatorv1.ConditionTrue})
		}
	}
	if config, err := in.informers.config.Lister().Get(names.Cluster); err == nil {
		add("configs", config.Status.Conditions)
	}
	if pruner, err := in.informers.pruner.Lister().Get(names.Cluster); err == nil {
		add("imagepruners", pruner.Status.Conditions)
	}
	return all
}

// certificates are those that the registry and the operator serve with, and those that administrators chose for routes.
func (in *Inputs) certificates() []metrics.Certificate {
	secrets := map[string]bool{names.RegistryTLSSecret: true, names.OperatorTLSSecret: true}
	if config, err := in.informers.config.Lister().Get(names.Cluster); err == nil {
		// Without a registry there are no routes either.
		for _, route := range config.Spec.Routes {
			if config.Spec.ManagementState == operatorv1.Removed {
				break
			}
			secrets[route.SecretName] = true
		}
	}
	var all []metrics.Certificate
	for name := range secrets {
		secret, err := in.informers.secrets.Lister().Secrets(names.OperatorNamespace).Get(name)
		if err != nil {
			continue
		}
		if end, ok := leafEnd(secret.Data[corev1.TLSCertKey]); ok {
			all = append(all, metrics.Certificate{Secret: name, NotAfter: end})
		}
	}
	return all
}

// leafEnd is when the first certificate of a chain becomes invalid: that is the one clients see.
func leafEnd(chain []byte) (time.Time, bool) {
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, false
		}
		return leaf.NotAfter, true
	}
	return time.Time{}, false
}
