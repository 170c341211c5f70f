package operator

import (
	"fmt"
	"os"

	configv1 "github.com/openshift/api/config/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
)

const (
	defaultBindAddress = ":60000"
	// The Secret image-registry-operator-tls is mounted here.
	defaultCertFile = "/etc/secrets/tls.crt"
	defaultKeyFile  = "/etc/secrets/tls.key"
)

// readServing reads the controller configuration file, of kind GenericControllerConfig. Only servingInfo matters, and
// of it the address, the TLS profile (written by the cluster version operator) and, which the shipped file leaves out,
// the files of the key pair. No path means defaults.
func readServing(path string) (metrics.Serving, error) {
	var config configv1.GenericControllerConfig
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return metrics.Serving{}, fmt.Errorf("reading the controller configuration: %w", err)
		}
		// Not strict: a newer version operator may inject what we do not know.
		if err := yaml.Unmarshal(content, &config); err != nil {
			return metrics.Serving{}, fmt.Errorf("parsing the controller configuration %s: %w", path, err)
		}
	}
	info := config.ServingInfo
	return metrics.Serving{
		Address:       orDefault(info.BindAddress, defaultBindAddress),
		MinTLSVersion: info.MinTLSVersion,
		CipherSuites:  info.CipherSuites,
		CertFile:      orDefault(info.CertFile, defaultCertFile),
		KeyFile:       orDefault(info.KeyFile, defaultKeyFile),
	}, nil
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// loadMaterial is what the server calls at start and again while it runs.
func loadMaterial(path string) func() (metrics.Material, error) {
	return func() (metrics.Material, error) {
		serving, err := readServing(path)
		if err != nil {
			return metrics.Material{}, err
		}
		return serving.Material()
	}
}
