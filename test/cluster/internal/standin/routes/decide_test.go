package routes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	routev1 "github.com/openshift/api/route/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const domain = "apps.test"

type change func(*routev1.Route)

// route makes a Route; age orders them, 0 is the oldest.
func route(key string, age int, changes ...change) *routev1.Route {
	namespace, name, _ := strings.Cut(key, "/")
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &routev1.Route{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: namespace, UID: types.UID(key), CreationTimestamp: metav1.NewTime(start.Add(time.Duration(age) * time.Minute)),
	}}
	for _, c := range changes {
		c(r)
	}
	return r
}

func host(h string) change { return func(r *routev1.Route) { r.Spec.Host = h } }
func path(p string) change { return func(r *routev1.Route) { r.Spec.Path = p } }
func secured(t routev1.TLSConfig) change {
	return func(r *routev1.Route) { r.Spec.TLS = &t }
}

func TestHostName(t *testing.T) {
	for name, c := range map[string]struct {
		route *routev1.Route
		want  string
	}{
		"its own":             {route("ns/web", 0, host("own.example")), "own.example"},
		"made of its name":    {route("ns/web", 0), "web-ns.apps.test"},
		"made of a subdomain": {route("ns/web", 0, func(r *routev1.Route) { r.Spec.Subdomain = "sub" }), "sub.apps.test"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hostName(c.route, domain); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	wildcard := func(r *routev1.Route) { r.Spec.WildcardPolicy = routev1.WildcardPolicySubdomain }
	for name, c := range map[string]struct {
		routes []*routev1.Route
		want   map[string]string // key to reason
	}{
		"different hosts are all admitted": {
			[]*routev1.Route{route("a/x", 0), route("a/y", 1)}, map[string]string{"a/x": "", "a/y": ""},
		},
		"the older route has the host, in whatever order they are listed": {
			[]*routev1.Route{route("a/young", 2, host("h.x")), route("a/old", 1, host("h.x"))},
			map[string]string{"a/old": "", "a/young": reasonHostAlreadyClaimed},
		},
		"one namespace may share a host under two paths": {
			[]*routev1.Route{route("a/x", 0, host("h.x"), path("/1")), route("a/y", 1, host("h.x"), path("/2"))},
			map[string]string{"a/x": "", "a/y": ""},
		},
		"two namespaces may not": {
			[]*routev1.Route{route("a/x", 0, host("h.x"), path("/1")), route("b/y", 1, host("h.x"), path("/2"))},
			map[string]string{"a/x": "", "b/y": reasonHostAlreadyClaimed},
		},
		"an invalid route claims nothing": {
			[]*routev1.Route{route("a/bad", 0, host("h.x"), wildcard), route("b/good", 1, host("h.x"))},
			map[string]string{"a/bad": reasonRouteNotAdmitted, "b/good": ""},
		},
		"a host that is no DNS name": {
			[]*routev1.Route{route("a/x", 0, host("under_score"))}, map[string]string{"a/x": "InvalidHost"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := decide(c.routes, domain)
			for key, reason := range c.want {
				if got[key].reason != reason {
					t.Errorf("%s: got %+v, want reason %q", key, got[key], reason)
				}
			}
		})
	}
}

func TestTLS(t *testing.T) {
	cert, key := pair(t)
	_, otherKey := pair(t)
	reencrypt := routev1.TLSTerminationReencrypt
	for name, c := range map[string]struct {
		tls  routev1.TLSConfig
		want string
	}{
		"without a certificate of its own":  {routev1.TLSConfig{Termination: reencrypt}, ""},
		"with a pair and a CA":              {routev1.TLSConfig{Termination: reencrypt, Certificate: cert, Key: key, CACertificate: cert}, ""},
		"with the key of another":           {routev1.TLSConfig{Termination: reencrypt, Certificate: cert, Key: otherKey}, "spec.tls.certificate"},
		"with a certificate and no key":     {routev1.TLSConfig{Termination: reencrypt, Certificate: cert}, "spec.tls.certificate"},
		"with nonsense for a CA":            {routev1.TLSConfig{Termination: reencrypt, CACertificate: "nonsense"}, "spec.tls.caCertificate"},
		"passed through with a certificate": {routev1.TLSConfig{Termination: routev1.TLSTerminationPassthrough, Certificate: cert, Key: key}, "passthrough"},
		"edge with a destination":           {routev1.TLSConfig{Termination: routev1.TLSTerminationEdge, DestinationCACertificate: cert}, "edge termination"},
		"without a termination":             {routev1.TLSConfig{}, "spec.tls.termination"},
	} {
		t.Run(name, func(t *testing.T) {
			reason, message := reject(route("a/x", 0, secured(c.tls)), "h.x")
			if (reason == "") != (c.want == "") || !strings.Contains(message, c.want) {
				t.Errorf("got %s: %s, want %q", reason, message, c.want)
			}
			if strings.Contains(message, "PRIVATE KEY") {
				t.Errorf("the message shows a key: %s", message)
			}
		})
	}
}

func TestTheTimeOfAConditionMovesOnlyWithIt(t *testing.T) {
	then := metav1.NewTime(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	previous := ingress(nil, admission{host: "h.x"}, domain, "")
	previous.Conditions[0].LastTransitionTime = &then
	same := ingress(&previous, admission{host: "h.x"}, domain, "")
	if same.Conditions[0].LastTransitionTime == nil || !same.Conditions[0].LastTransitionTime.Equal(&then) {
		t.Errorf("an unchanged condition: %+v", same.Conditions[0])
	}
	changed := ingress(&previous, admission{host: "h.x", reason: reasonHostAlreadyClaimed}, domain, "")
	if changed.Conditions[0].LastTransitionTime != nil {
		t.Errorf("a changed condition kept its time: %+v", changed.Conditions[0])
	}
}

func pair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
