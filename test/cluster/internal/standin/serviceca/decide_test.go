package serviceca

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSubjectNames(t *testing.T) {
	for name, c := range map[string]struct {
		clusterIP string
		want      []string
	}{
		"an ordinary service has its short and its long name": {
			"10.0.0.1", []string{"web.shop.svc", "web.shop.svc.cluster.local"},
		},
		"a headless service also answers for its pods": {
			corev1.ClusterIPNone,
			[]string{"web.shop.svc", "web.shop.svc.cluster.local", "*.web.shop.svc", "*.web.shop.svc.cluster.local"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}, Spec: corev1.ServiceSpec{ClusterIP: c.clusterIP}}
			if got := subjectNames(service, "cluster.local"); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestWantedSecret(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string
		fails       bool
	}{
		"none":                       {nil, "", false},
		"the beta annotation":        {map[string]string{betaGroup + secretName: "a"}, "a", false},
		"the alpha annotation":       {map[string]string{alphaGroup + secretName: "a"}, "a", false},
		"both saying the same":       {map[string]string{alphaGroup + secretName: "a", betaGroup + secretName: "a"}, "a", false},
		"both saying something else": {map[string]string{alphaGroup + secretName: "a", betaGroup + secretName: "b"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wantedSecret(c.annotations)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestUnknownAnnotations(t *testing.T) {
	got := unknown(map[string]string{
		betaGroup + secretName: "a", alphaGroup + "expiry-please": "b", betaGroup + injectBundle: "true", "other.io/x": "y",
	}, knownOnServices)
	if want := []string{alphaGroup + "expiry-please", betaGroup + injectBundle}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestJudge(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "u1"}}
	names := subjectNames(service, "cluster.local")
	ca, other := testAuthority(t, now), testAuthority(t, now)
	const lifetime, margin = 10 * time.Hour, time.Hour
	for name, c := range map[string]struct {
		secret *corev1.Secret
		after  time.Duration
		want   verdict
	}{
		"a missing secret is made":               {nil, 0, verdict{issue: true, reason: "does not exist"}},
		"a good one is looked at again in time":  {testSecret(t, ca, names, now, lifetime), 0, verdict{again: lifetime - margin}},
		"one at its margin is replaced":          {testSecret(t, ca, names, now, lifetime), lifetime - margin, verdict{issue: true, reason: "expires soon"}},
		"one just before its margin is kept":     {testSecret(t, ca, names, now, lifetime), lifetime - margin - time.Second, verdict{again: time.Second}},
		"one of another CA is replaced":          {testSecret(t, other, names, now, lifetime), 0, verdict{issue: true, reason: "not signed"}},
		"one for other names is replaced":        {testSecret(t, ca, names[:1], now, lifetime), 0, verdict{issue: true, reason: "names"}},
		"one without a key is replaced":          {edit(testSecret(t, ca, names, now, lifetime), func(s *corev1.Secret) { delete(s.Data, "tls.key") }), 0, verdict{issue: true, reason: "not usable"}},
		"one without its expiry is replaced":     {edit(testSecret(t, ca, names, now, lifetime), func(s *corev1.Secret) { delete(s.Annotations, betaGroup+expiry) }), 0, verdict{issue: true, reason: "expiry annotation"}},
		"someone else's secret is left alone":    {edit(testSecret(t, ca, names, now, lifetime), func(s *corev1.Secret) { s.Annotations = nil }), 0, verdict{refuse: "not made for a service"}},
		"another service's secret is left alone": {edit(testSecret(t, ca, names, now, lifetime), func(s *corev1.Secret) { s.Annotations[betaGroup+originUID] = "u0" }), 0, verdict{refuse: "another service"}},
		"a secret of another type is left alone": {edit(testSecret(t, ca, names, now, lifetime), func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }), 0, verdict{refuse: "has type Opaque"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(service, c.secret, ca, names, now.Add(c.after), margin)
			if got.issue != c.want.issue || got.again != c.want.again ||
				!strings.Contains(got.reason, c.want.reason) || !strings.Contains(got.refuse, c.want.refuse) ||
				(got.refuse == "") != (c.want.refuse == "") {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestACertificateNeverOutlivesItsCA(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	ca := testAuthority(t, now)
	cert, err := ca.issue([]string{"a.b.svc"}, now, 1000*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !cert.notAfter.Equal(ca.cert.NotAfter) {
		t.Errorf("certificate until %s, CA until %s", cert.notAfter, ca.cert.NotAfter)
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"the defaults are sound":              {Options{}, ""},
		"a margin as long as the life":        {Options{Lifetime: time.Hour, Margin: time.Hour}, "not shorter than the lifetime"},
		"a CA that dies before what it signs": {Options{Lifetime: time.Hour, CALifetime: time.Hour}, "shorter than a certificate's"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.options.withDefaults()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func testAuthority(t *testing.T, now time.Time) *authority {
	t.Helper()
	ca, err := newAuthority(now, 100*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func testSecret(t *testing.T, ca *authority, names []string, now time.Time, lifetime time.Duration) *corev1.Secret {
	t.Helper()
	cert, err := ca.issue(names, now, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "web-tls", Annotations: map[string]string{
			betaGroup + originUID: "u1", betaGroup + expiry: cert.notAfter.UTC().Format(time.RFC3339),
		}},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{"tls.crt": cert.certPEM, "tls.key": cert.keyPEM},
	}
}

func edit(secret *corev1.Secret, change func(*corev1.Secret)) *corev1.Secret {
	change(secret)
	return secret
}
