package trustedca

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMerge(t *testing.T) {
	a, b := certificate(t), certificate(t)
	for name, c := range map[string]struct {
		system, own string
		want        string
		fault       string
	}{
		"the system's come first":       {a, b, a + b, ""},
		"a missing line end is made":    {strings.TrimRight(a, "\n"), b, a + b, ""},
		"text around certificates goes": {a, "# mine\n" + b + "end", a + b, ""},
		"without the system's":          {"", b, b, ""},
		"an empty bundle is a fault":    {a, "", "", "holds no PEM certificate"},
		"so is a private key":           {a, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "holds a PRIVATE KEY"},
		"so is a broken certificate":    {a, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", "x509"},
	} {
		t.Run(name, func(t *testing.T) {
			source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ca"}, Data: map[string]string{BundleKey: c.own}}
			got, err := merge([]byte(c.system), source)
			if string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if (err != nil) != (c.fault != "") || err != nil && (!errors.Is(err, errInvalid) || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}

func certificate(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
