package certificates

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
)

func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestAny(t *testing.T) {
	good := newCertificate(t)
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for _, tc := range []struct {
		name, text string
		want       bool
	}{
		{"one certificate", good, true},
		{"one behind a broken one and text", "# a\n" + broken + good, true},
		{"a broken one", broken, false},
		{"another block that would parse", strings.ReplaceAll(good, "CERTIFICATE", "OTHER"), false},
		{"nothing", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Any([]byte(tc.text)); got != tc.want {
				t.Errorf("Any() = %v", got)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	good := newCertificate(t)
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	for _, tc := range []struct{ name, text, want string }{
		{"one certificate", good, ""},
		{"text and other blocks between certificates", "# a\n" + good + key + good + "# z", ""},
		{"nothing", "", "no PEM encoded certificate"},
		{"text", "hello", "no PEM encoded certificate"},
		{"only another block", key, "no PEM encoded certificate"},
		{"a second certificate that is none", good + broken, "certificate 2 does not parse"},
		{"a certificate that was cut", good[:len(good)/2], "no PEM encoded certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Verify([]byte(tc.text))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Verify() = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	a, b := newCertificate(t), newCertificate(t)
	for _, tc := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"a single text is kept byte by byte", []string{"# one\r\n" + a + "\n\n# two\n" + b + "tail"}, "# one\r\n" + a + "\n\n# two\n" + b + "tail"},
		{"texts are separated by a line end", []string{a, b}, a + "\n" + b},
		{"a certificate that came before is left out with its comment", []string{a, "# a again\n" + a + "# b\n" + b}, a + "\n# b\n" + b},
		{"a text that only repeats leaves nothing, not even a line end", []string{a + b, b + "\n"}, a + b},
		{"repeats inside one text are left out", []string{a + b + a}, a + b},
		{"empty texts leave nothing", []string{"", a, ""}, a},
		{"what is no certificate is kept", []string{"hello", a}, "hello\n" + a},
		{"nothing at all", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Join(tc.texts...); got != tc.want {
				t.Errorf("Join() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestJoinFindsARepeatInAnotherEncoding(t *testing.T) {
	a := newCertificate(t)
	block, _ := pem.Decode([]byte(a))
	again := pem.EncodeToMemory(&pem.Block{Type: block.Type, Headers: map[string]string{"Comment": "mine"}, Bytes: block.Bytes})
	if got := Join(a, string(again)); got != a {
		t.Errorf("Join() = %q", got)
	}
}
