package routes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"
)

// newPair returns a self-signed certificate and its key.
func newPair(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func secretNamed(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: name}, Data: data}
}

func secretsOf(secrets ...*corev1.Secret) SecretGetter {
	return func(name string) (*corev1.Secret, error) {
		for _, secret := range secrets {
			if secret.Name == name {
				return secret, nil
			}
		}
		return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
	}
}

func configWith(edit func(*imageregistryv1.ImageRegistrySpec)) *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	config.Spec.ManagementState = operatorv1.Managed
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionFalse}}
	if edit != nil {
		edit(&config.Spec)
	}
	return config
}

type entry = imageregistryv1.ImageRegistryConfigRoute

func TestDesiredNamesAndHosts(t *testing.T) {
	certificate, key := newPair(t)
	secrets := secretsOf(secretNamed("good", map[string][]byte{"tls.crt": certificate, "tls.key": key}))
	for _, tc := range []struct {
		name         string
		defaultRoute bool
		entries      []entry
		routes       []string // name=host
		wanted       []string
		problems     []string // reason: part of the message
	}{
		{name: "no routes are asked for"},
		{name: "the default route has no host of ours", defaultRoute: true, routes: []string{"default-route="}, wanted: []string{"default-route"}},
		{
			name: "additional routes follow in the order of Config", defaultRoute: true,
			entries: []entry{{Name: "b", Hostname: "b.example.com"}, {Name: "a", SecretName: "good"}},
			routes:  []string{"default-route=", "b=b.example.com", "a="}, wanted: []string{"a", "b", "default-route"},
		},
		{
			name:    "a duplicate name leaves neither route in the plan and the other one alone",
			entries: []entry{{Name: "x", Hostname: "1.example.com"}, {Name: "ok"}, {Name: "x", Hostname: "2.example.com"}},
			routes:  []string{"ok="}, wanted: []string{"ok", "x"},
			problems: []string{`VerificationFailed: spec.routes[0].name: "x"`, `VerificationFailed: spec.routes[2].name: "x"`},
		},
		{
			name:     "the name default-route is reserved even without spec.defaultRoute",
			entries:  []entry{{Name: "default-route", Hostname: "x.example.com"}},
			problems: []string{"VerificationFailed: spec.routes[0].name: default-route is reserved"},
		},
		{
			name: "names must be DNS names", entries: []entry{{Name: ""}, {Name: "Upper"}},
			wanted:   []string{"Upper"},
			problems: []string{`VerificationFailed: spec.routes[0].name: ""`, `VerificationFailed: spec.routes[1].name: "Upper"`},
		},
		{
			name: "a host name must be one", entries: []entry{{Name: "x", Hostname: "https://x"}}, wanted: []string{"x"},
			problems: []string{`VerificationFailed: spec.routes[0].hostname of route x: "https://x"`},
		},
		{
			name:    "the second route of a host is refused",
			entries: []entry{{Name: "x", Hostname: "h.example.com"}, {Name: "y", Hostname: "h.example.com"}},
			routes:  []string{"x=h.example.com"}, wanted: []string{"x", "y"},
			problems: []string{"VerificationFailed: spec.routes[1].hostname of route y: h.example.com is the host of route x already"},
		},
		{
			name:    "a missing Secret is named with its keys and may still come",
			entries: []entry{{Name: "x", SecretName: "absent"}, {Name: "y"}},
			routes:  []string{"y="}, wanted: []string{"x", "y"},
			problems: []string{"Error: route x: secret openshift-image-registry/absent does not exist; create it with the keys tls.crt and tls.key"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan := Desired(configWith(func(s *imageregistryv1.ImageRegistrySpec) {
				s.DefaultRoute, s.Routes = tc.defaultRoute, tc.entries
			}), secrets)
			var routes []string
			for _, route := range plan.Routes {
				routes = append(routes, route.Name+"="+route.Spec.Host)
			}
			if diff := cmp.Diff(tc.routes, routes); diff != "" {
				t.Errorf("routes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, tc.wanted...), sets.List(plan.Wanted)); diff != "" {
				t.Errorf("wanted (-want +got):\n%s", diff)
			}
			checkProblems(t, tc.problems, plan.Problems)
		})
	}
}

func checkProblems(t *testing.T, want []string, got []Problem) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("problems %q, want %q", got, want)
	}
	for i, problem := range got {
		if text := problem.Reason + ": " + problem.Message; !strings.HasPrefix(text, want[i]) {
			t.Errorf("problem %d is %q, want %q", i, text, want[i])
		}
	}
}

func TestDesiredVerifiesTheSecret(t *testing.T) {
	certificate, key := newPair(t)
	_, otherKey := newPair(t)
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	data := func(pairs ...any) map[string][]byte {
		m := map[string][]byte{"tls.crt": certificate, "tls.key": key}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1].([]byte)
		}
		return m
	}
	const where = "VerificationFailed: route x: secret openshift-image-registry/s, key "
	for _, tc := range []struct {
		name string
		data map[string][]byte
		want string // problem, or empty
	}{
		{"a matching pair is taken", data(), ""},
		{"a CA certificate is taken", data("tls.cacrt", certificate), ""},
		{"text around a certificate is fine", data("tls.crt", slices.Concat([]byte("# mine\n"), certificate)), ""},
		{"a missing certificate", data("tls.crt", []byte(nil)), where + "tls.crt: missing"},
		{"a missing key", data("tls.key", []byte(nil)), where + "tls.key: missing"},
		{"a certificate that is no PEM", data("tls.crt", []byte("hello")), where + "tls.crt: no PEM"},
		{"a certificate that is a key", data("tls.crt", key), where + "tls.crt: no PEM"},
		{"a certificate that does not parse", data("tls.crt", broken), where + "tls.crt: certificate 1 does not parse"},
		{"a second certificate that does not parse", data("tls.crt", slices.Concat(certificate, broken)), where + "tls.crt: certificate 2 does not parse"},
		{"a key that is no PEM", data("tls.key", []byte("hello")), where + "tls.key: not the private key of tls.crt"},
		{"the key of another certificate", data("tls.key", otherKey), where + "tls.key: not the private key of tls.crt"},
		{"a CA that is no PEM", data("tls.cacrt", []byte("hello")), where + "tls.cacrt: no PEM"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan := Desired(configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.Routes = []entry{{Name: "x", SecretName: "s"}} }),
				secretsOf(secretNamed("s", tc.data)))
			if tc.want != "" {
				checkProblems(t, []string{tc.want}, plan.Problems)
				if len(plan.Routes) > 0 || !plan.Wanted.Has("x") {
					t.Errorf("the route must be neither applied nor obsolete: %v, %v", plan.Routes, plan.Wanted)
				}
				if key := pemBody(tc.data["tls.key"]); key != "" && strings.Contains(plan.Problems[0].Message, key) {
					t.Errorf("the message holds the key: %s", plan.Problems[0].Message)
				}
				return
			}
			checkProblems(t, nil, plan.Problems)
			got := plan.Routes[0].Spec.TLS
			want := &routev1.TLSConfig{
				Termination: routev1.TLSTerminationReencrypt, Certificate: string(tc.data["tls.crt"]),
				Key: string(tc.data["tls.key"]), CACertificate: string(tc.data["tls.cacrt"]),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tls (-want +got):\n%s", diff)
			}
		})
	}
}

// pemBody returns the middle of a PEM text, which no message may contain.
func pemBody(text []byte) string {
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 {
		return ""
	}
	return lines[1]
}

func TestDesiredReportsAListerThatFails(t *testing.T) {
	plan := Desired(configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.Routes = []entry{{Name: "x", SecretName: "s"}} }),
		func(string) (*corev1.Secret, error) { return nil, errors.New("no cache") })
	checkProblems(t, []string{"Error: route x: secret openshift-image-registry/s: no cache"}, plan.Problems)
}

func TestDesiredFillsInTheTemplate(t *testing.T) {
	route := Desired(configWith(func(s *imageregistryv1.ImageRegistrySpec) { s.DefaultRoute = true }), secretsOf()).Routes[0]
	want := routev1.RouteSpec{
		To:  routev1.RouteTargetReference{Kind: "Service", Name: "image-registry"},
		TLS: &routev1.TLSConfig{Termination: routev1.TLSTerminationReencrypt},
	}
	if diff := cmp.Diff(want, route.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if route.Namespace != "openshift-image-registry" || route.Annotations["imageregistry.openshift.io"] != "true" {
		t.Errorf("metadata %+v", route.ObjectMeta)
	}
}
