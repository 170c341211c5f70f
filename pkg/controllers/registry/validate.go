package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/crypto"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Validate finds what is wrong with the inputs in a way that only an edit can cure. Nothing is applied before it is
// cured: a registry that ignores a part of its configuration is worse than one that keeps the last good one.
func Validate(in Inputs) error {
	spec := &in.Config.Spec
	checks := []struct {
		reason string
		check  func() error
	}{
		{names.ReasonVerificationFailed, func() error { return validateUnderstood(in.Config) }},
		{names.ReasonVerificationFailed, func() error { return validateReplicas(spec.Replicas) }},
		{names.ReasonVerificationFailed, func() error { return validateRoutes(spec.Routes) }},
		{names.ReasonVerificationFailed, func() error { return validateImage(in.RegistryImage) }},
		{names.ReasonInvalidRequestLimits, func() error { return validateRequests(spec.Requests) }},
		{names.ReasonInvalidTLSSettings, func() error { _, err := tlsSettings(spec); return err }},
		{names.ReasonInvalidConfigOverrides, func() error { _, err := overrides(spec); return err }},
	}
	for _, c := range checks {
		if err := c.check(); err != nil {
			return conditions.Permanent(c.reason, err)
		}
	}
	return nil
}

// validateUnderstood complains of what the schema admits and nobody can work with.
func validateUnderstood(config *imageregistryv1.Config) error {
	unknown := lenient.Problems(config)
	problems := make([]string, 0, len(unknown))
	for _, field := range slices.Sorted(maps.Keys(unknown)) {
		cure := `write hours, minutes and seconds such as "24h" or "1h30m"`
		if strings.HasPrefix(field, "resources.") {
			cure = `write a quantity such as "100m" or "256Mi"`
		}
		problems = append(problems, fmt.Sprintf("spec.%s: %s; %s", field, unknown[field], cure))
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, ", "))
	}
	return nil
}

func validateReplicas(replicas int32) error {
	if replicas < 0 {
		return fmt.Errorf("spec.replicas: replicas must be greater than or equal to 0, but it is %d", replicas)
	}
	return nil
}

func validateImage(image string) error {
	if image == "" {
		return errors.New("the environment variable IMAGE of the operator is empty: there is no registry image to deploy")
	}
	return nil
}

// validateRoutes checks names only: the name default-route is reserved even while the default route is off.
func validateRoutes(routes []imageregistryv1.ImageRegistryConfigRoute) error {
	seen := map[string]bool{names.DefaultRoute: true}
	var duplicates []string
	for i, route := range routes {
		if problems := validation.IsDNS1123Subdomain(route.Name); len(problems) > 0 {
			return fmt.Errorf("spec.routes[%d].name: %q is not a valid route name: %s", i, route.Name, strings.Join(problems, "; "))
		}
		if seen[route.Name] {
			duplicates = append(duplicates, route.Name)
		}
		seen[route.Name] = true
	}
	if len(duplicates) > 0 {
		return fmt.Errorf("spec.routes: duplicate names in additional routes: %s; names must be unique, and %s is reserved",
			strings.Join(duplicates, ", "), names.DefaultRoute)
	}
	return nil
}

func validateRequests(requests imageregistryv1.ImageRegistryConfigRequests) error {
	var problems []string
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"read.maxRunning", requests.Read.MaxRunning},
		{"read.maxInQueue", requests.Read.MaxInQueue},
		{"write.maxRunning", requests.Write.MaxRunning},
		{"write.maxInQueue", requests.Write.MaxInQueue},
	} {
		if limit.value < 0 {
			problems = append(problems, fmt.Sprintf("spec.requests.%s is %d", limit.name, limit.value))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("request limits must be greater than or equal to 0: %s", strings.Join(problems, ", "))
	}
	return nil
}

// servingInfo is what the TLS observer writes into spec.observedConfig.
type servingInfo struct {
	MinTLSVersion string   `json:"minTLSVersion"`
	CipherSuites  []string `json:"cipherSuites"`
}

// tlsSettings reads spec.observedConfig. The registry refuses to start on a name it does not know, so it is found here.
func tlsSettings(spec *imageregistryv1.ImageRegistrySpec) (servingInfo, error) {
	observed := struct {
		ServingInfo servingInfo `json:"servingInfo"`
	}{}
	if len(spec.ObservedConfig.Raw) == 0 {
		return observed.ServingInfo, nil
	}
	if err := json.Unmarshal(spec.ObservedConfig.Raw, &observed); err != nil {
		return servingInfo{}, fmt.Errorf("decoding spec.observedConfig: %w", err)
	}
	if _, err := crypto.TLSVersion(observed.ServingInfo.MinTLSVersion); err != nil {
		return servingInfo{}, fmt.Errorf("spec.observedConfig.servingInfo.minTLSVersion: %w", err)
	}
	for _, suite := range observed.ServingInfo.CipherSuites {
		if _, err := crypto.CipherSuite(suite); err != nil {
			return servingInfo{}, fmt.Errorf("spec.observedConfig.servingInfo.cipherSuites: %w", err)
		}
	}
	return observed.ServingInfo, nil
}

// deploymentOverrides is the part of spec.unsupportedConfigOverrides that we know.
type deploymentOverrides struct {
	Annotations      map[string]string `json:"annotations"`
	RuntimeClassName *string           `json:"runtimeClassName"`
}

// overrides reads spec.unsupportedConfigOverrides; nil stands for nothing about the Deployment.
func overrides(spec *imageregistryv1.ImageRegistrySpec) (*deploymentOverrides, error) {
	if len(spec.UnsupportedConfigOverrides.Raw) == 0 {
		return nil, nil
	}
	decoded := struct {
		Deployment *deploymentOverrides `json:"deployment"`
	}{}
	if err := json.Unmarshal(spec.UnsupportedConfigOverrides.Raw, &decoded); err != nil {
		return nil, fmt.Errorf("decoding spec.unsupportedConfigOverrides: %w", err)
	}
	if decoded.Deployment == nil {
		return nil, nil
	}
	path := field.NewPath("spec", "unsupportedConfigOverrides", "deployment", "annotations")
	if problems := apivalidation.ValidateAnnotations(decoded.Deployment.Annotations, path); len(problems) > 0 {
		return nil, problems.ToAggregate()
	}
	return decoded.Deployment, nil
}
