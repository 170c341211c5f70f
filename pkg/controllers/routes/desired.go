package routes

import (
	"crypto/tls"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	routev1 "github.com/openshift/api/route/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
	"github.com/openshift/cluster-image-registry-operator/pkg/certificates"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Keys of the Secret that spec.routes[].secretName refers to. The last one is the reference's, odd spelling included.
const (
	certificateKey   = "tls.crt"
	privateKeyKey    = "tls.key"
	caCertificateKey = "tls.cacrt"
)

// Problem is why a route is not what Config asks for.
type Problem struct {
	// Reason is a permanent reason of package names, or names.ReasonError for what may heal by itself.
	Reason string
	// Message names the route and everything else one needs to act. It never holds the content of a Secret.
	Message string
}

// Plan is what Config asks for.
type Plan struct {
	// Routes to apply, in the order of Config, the default route first.
	Routes []*routev1.Route
	// Wanted are the names of all routes asked for. Those missing in Routes have a problem; what exists under their
	// name is left as it is: a certificate that went missing must not take a working route away.
	Wanted   sets.Set[string]
	Problems []Problem
}

// SecretGetter reads a Secret of the operator's namespace; it returns a NotFound API error when there is none.
type SecretGetter func(name string) (*corev1.Secret, error)

// Desired returns the routes that config asks for. Every route stands for itself: a problem with one leaves the
// others in the plan.
func Desired(config *imageregistryv1.Config, secrets SecretGetter) Plan {
	plan := Plan{Wanted: sets.New[string]()}
	if config.Spec.DefaultRoute {
		plan.Wanted.Insert(names.DefaultRoute)
		plan.Routes = append(plan.Routes, newRoute(names.DefaultRoute, "", keyPair{}))
	}
	duplicates, hosts := duplicateNames(config.Spec.Routes), map[string]string{}
	for i, entry := range config.Spec.Routes {
		if err := verify(i, entry, duplicates, hosts); err != nil {
			plan.Problems = append(plan.Problems, Problem{names.ReasonVerificationFailed, err.Error()})
			if entry.Name != "" && entry.Name != names.DefaultRoute {
				plan.Wanted.Insert(entry.Name)
			}
			continue
		}
		plan.Wanted.Insert(entry.Name)
		pair, problem := readKeyPair(entry, secrets)
		if problem != nil {
			plan.Problems = append(plan.Problems, *problem)
			continue
		}
		plan.Routes = append(plan.Routes, newRoute(entry.Name, entry.Hostname, pair))
	}
	return plan
}

func duplicateNames(entries []imageregistryv1.ImageRegistryConfigRoute) sets.Set[string] {
	seen, duplicates := sets.New[string](), sets.New[string]()
	for _, entry := range entries {
		if seen.Has(entry.Name) {
			duplicates.Insert(entry.Name)
		}
		seen.Insert(entry.Name)
	}
	return duplicates
}

// verify checks what no other object can cure. It notes the hostname of a good entry in hosts.
func verify(index int, entry imageregistryv1.ImageRegistryConfigRoute, duplicates sets.Set[string], hosts map[string]string) error {
	field := fmt.Sprintf("spec.routes[%d]", index)
	switch {
	case entry.Name == names.DefaultRoute:
		return fmt.Errorf("%s.name: %s is reserved for spec.defaultRoute", field, names.DefaultRoute)
	case duplicates.Has(entry.Name):
		return fmt.Errorf("%s.name: %q is the name of more than one additional route", field, entry.Name)
	}
	if problems := validation.IsDNS1123Subdomain(entry.Name); len(problems) > 0 {
		return fmt.Errorf("%s.name: %q is not a name for a route: %s", field, entry.Name, problems[0])
	}
	if entry.Hostname == "" {
		return nil
	}
	if problems := validation.IsDNS1123Subdomain(entry.Hostname); len(problems) > 0 {
		return fmt.Errorf("%s.hostname of route %s: %q is not a host name: %s", field, entry.Name, entry.Hostname, problems[0])
	}
	if other, taken := hosts[entry.Hostname]; taken {
		return fmt.Errorf("%s.hostname of route %s: %s is the host of route %s already", field, entry.Name, entry.Hostname, other)
	}
	hosts[entry.Hostname] = entry.Name
	return nil
}

// keyPair is what a Secret says about the certificate of a route; empty means that the router's own is used.
type keyPair struct{ certificate, key, caCertificate string }

func readKeyPair(entry imageregistryv1.ImageRegistryConfigRoute, secrets SecretGetter) (keyPair, *Problem) {
	if entry.SecretName == "" {
		return keyPair{}, nil
	}
	where := fmt.Sprintf("route %s: secret %s/%s", entry.Name, names.OperatorNamespace, entry.SecretName)
	secret, err := secrets(entry.SecretName)
	if apierrors.IsNotFound(err) {
		return keyPair{}, &Problem{names.ReasonError, where + " does not exist; create it with the keys " + certificateKey + " and " + privateKeyKey}
	}
	if err != nil {
		return keyPair{}, &Problem{names.ReasonError, fmt.Sprintf("%s: %v", where, err)}
	}
	if err := verifyKeyPair(secret.Data); err != nil {
		return keyPair{}, &Problem{names.ReasonVerificationFailed, fmt.Sprintf("%s, %v", where, err)}
	}
	return keyPair{
		certificate:   string(secret.Data[certificateKey]),
		key:           string(secret.Data[privateKeyKey]),
		caCertificate: string(secret.Data[caCertificateKey]),
	}, nil
}

// verifyKeyPair finds what a router would refuse. The errors of crypto/tls speak of blocks and algorithms, never of
// the content of a key.
func verifyKeyPair(data map[string][]byte) error {
	for _, key := range []string{certificateKey, privateKeyKey} {
		if len(data[key]) == 0 {
			return fmt.Errorf("key %s: missing or empty", key)
		}
	}
	if err := certificates.Verify(data[certificateKey]); err != nil {
		return fmt.Errorf("key %s: %w", certificateKey, err)
	}
	if _, err := tls.X509KeyPair(data[certificateKey], data[privateKeyKey]); err != nil {
		return fmt.Errorf("key %s: not the private key of %s: %w", privateKeyKey, certificateKey, err)
	}
	if len(data[caCertificateKey]) == 0 {
		return nil
	}
	if err := certificates.Verify(data[caCertificateKey]); err != nil {
		return fmt.Errorf("key %s: %w", caCertificateKey, err)
	}
	return nil
}

// newRoute fills in the template.
func newRoute(name, host string, pair keyPair) *routev1.Route {
	route := &routev1.Route{}
	if err := yaml.UnmarshalStrict(bindata.MustAsset("registry/route.yaml"), route); err != nil {
		panic(fmt.Sprintf("embedded route: %v", err)) // a mistake of the build, found by every test
	}
	route.Name = name
	route.Spec.Host = host
	route.Spec.TLS.Certificate, route.Spec.TLS.Key, route.Spec.TLS.CACertificate = pair.certificate, pair.key, pair.caCertificate
	return route
}
