package routes

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	routev1 "github.com/openshift/api/route/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Reasons the real router gives for a Route it does not serve.
const (
	reasonHostAlreadyClaimed       = "HostAlreadyClaimed"
	reasonExtendedValidationFailed = "ExtendedValidationFailed"
	reasonRouteNotAdmitted         = "RouteNotAdmitted"
)

// reasonUnsupported is this stand-in's own: the Route asks for something a real router might grant.
const reasonUnsupported = "StandInUnsupported"

// admission is what the router says about one Route.
type admission struct {
	host    string
	reason  string // empty: admitted
	message string
}

// hostName is the name a Route is served under.
func hostName(route *routev1.Route, appsDomain string) string {
	switch {
	case route.Spec.Host != "":
		return route.Spec.Host
	case route.Spec.Subdomain != "":
		return route.Spec.Subdomain + "." + appsDomain
	default:
		return route.Name + "-" + route.Namespace + "." + appsDomain
	}
}

// decide judges all Routes together, because a host belongs to the oldest Route that asks for it. An invalid Route claims
// nothing.
func decide(routes []*routev1.Route, appsDomain string) map[string]admission {
	byAge := slices.Clone(routes)
	slices.SortFunc(byAge, older)
	out := make(map[string]admission, len(routes))
	var served []*routev1.Route
	for _, route := range byAge {
		a := admission{host: hostName(route, appsDomain)}
		a.reason, a.message = reject(route, a.host)
		if a.reason == "" {
			if winner := claimant(served, route, a.host, appsDomain); winner != nil {
				a.reason = reasonHostAlreadyClaimed
				a.message = fmt.Sprintf("route %s already exposes %s and is older", winner.Name, a.host)
			}
		}
		if a.reason == "" {
			served = append(served, route)
		}
		out[keyOf(route)] = a
	}
	return out
}

func keyOf(route *routev1.Route) string { return route.Namespace + "/" + route.Name }

func older(a, b *routev1.Route) int {
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.UID, b.UID),
	)
}

// claimant finds who has the host already. Inside one namespace Routes may share a host under different paths; across
// namespaces they may not.
func claimant(served []*routev1.Route, route *routev1.Route, host, appsDomain string) *routev1.Route {
	for _, other := range served {
		if hostName(other, appsDomain) != host {
			continue
		}
		if other.Namespace != route.Namespace || other.Spec.Path == route.Spec.Path {
			return other
		}
	}
	return nil
}

// reject finds what is wrong with a Route by itself.
func reject(route *routev1.Route, host string) (reason, message string) {
	if problems := validation.IsDNS1123Subdomain(host); len(problems) > 0 {
		return "InvalidHost", fmt.Sprintf("host %q: %s", host, strings.Join(problems, "; "))
	}
	if route.Spec.WildcardPolicy != "" && route.Spec.WildcardPolicy != routev1.WildcardPolicyNone {
		return reasonRouteNotAdmitted, "wildcard routes are not allowed"
	}
	if route.Spec.TLS == nil {
		return "", ""
	}
	if route.Spec.TLS.ExternalCertificate != nil {
		return reasonUnsupported, "spec.tls.externalCertificate is not known to this cluster's router"
	}
	if err := checkTLS(route.Spec.TLS); err != nil {
		return reasonExtendedValidationFailed, err.Error()
	}
	return "", ""
}

func checkTLS(t *routev1.TLSConfig) error {
	problems := []error{checkTermination(t)}
	if t.Certificate != "" || t.Key != "" {
		if _, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key)); err != nil {
			problems = append(problems, invalid("certificate", "redacted certificate data: %v", err))
		}
	}
	for _, ca := range []struct{ field, data string }{
		{"caCertificate", t.CACertificate}, {"destinationCACertificate", t.DestinationCACertificate},
	} {
		if ca.data == "" {
			continue
		}
		if err := checkCertificates([]byte(ca.data)); err != nil {
			problems = append(problems, invalid(ca.field, "redacted CA certificate data: %v", err))
		}
	}
	return errors.Join(problems...)
}

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("spec.tls.%s: Invalid value: %w", field, fmt.Errorf(format, args...))
}

// checkTermination sees that the certificates given are of use where TLS ends.
func checkTermination(t *routev1.TLSConfig) error {
	switch t.Termination {
	case routev1.TLSTerminationPassthrough:
		if t.Certificate != "" || t.Key != "" || t.CACertificate != "" || t.DestinationCACertificate != "" {
			return invalid("termination", "passthrough termination does not support certificates")
		}
	case routev1.TLSTerminationEdge:
		if t.DestinationCACertificate != "" {
			return invalid("destinationCACertificate", "edge termination does not support a destination certificate")
		}
	case routev1.TLSTerminationReencrypt:
	default:
		return invalid("termination", "%q is not edge, passthrough or reencrypt", t.Termination)
	}
	return nil
}

func checkCertificates(data []byte) error {
	found := false
	for len(data) > 0 {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return errors.New("no PEM certificate")
	}
	return nil
}

// ingress is this router's entry in a Route's status. The time of a condition moves only when the condition does.
func ingress(previous *routev1.RouteIngress, a admission, appsDomain string, wildcard routev1.WildcardPolicyType) routev1.RouteIngress {
	condition := routev1.RouteIngressCondition{Type: routev1.RouteAdmitted, Status: corev1.ConditionTrue}
	if a.reason != "" {
		condition.Status, condition.Reason, condition.Message = corev1.ConditionFalse, a.reason, a.message
	}
	if previous != nil {
		for _, c := range previous.Conditions {
			if c.Type == condition.Type && c.Status == condition.Status && c.Reason == condition.Reason && c.Message == condition.Message {
				condition.LastTransitionTime = c.LastTransitionTime
			}
		}
	}
	if wildcard == "" {
		wildcard = routev1.WildcardPolicyNone
	}
	return routev1.RouteIngress{
		Host:                    a.host,
		RouterName:              RouterName,
		RouterCanonicalHostname: "router-default." + appsDomain,
		WildcardPolicy:          wildcard,
		Conditions:              []routev1.RouteIngressCondition{condition},
	}
}
