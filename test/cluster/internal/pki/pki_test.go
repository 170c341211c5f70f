package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/pki"
)

func TestIssue(t *testing.T) {
	ca := newAuthority(t, "ca")
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, ca.Files()))
	stranger := x509.NewCertPool()
	stranger.AddCert(parse(t, newAuthority(t, "ca").Files()))
	server := pki.Request{File: "server", CommonName: "server", Hosts: []string{"s3.test", "*.s3.test", "10.0.0.1"}}
	client := pki.Request{File: "client", CommonName: "jane", Organizations: []string{"readers"}}
	for _, c := range []struct {
		name    string
		request pki.Request
		options x509.VerifyOptions
		ok      bool
	}{
		{"a server is known by its name", server, x509.VerifyOptions{Roots: roots, DNSName: "s3.test"}, true},
		{"a server is known by a name below its wildcard", server, x509.VerifyOptions{Roots: roots, DNSName: "bucket.s3.test"}, true},
		{"a server is known by its address", server, x509.VerifyOptions{Roots: roots, DNSName: "10.0.0.1"}, true},
		{"a server is not known by another name", server, x509.VerifyOptions{Roots: roots, DNSName: "other.test"}, false},
		{"a server may be a client too", server, x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, true},
		{"a client is a client", client, x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, true},
		{"a client is no server", client, x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, false},
		{"another authority of the same name vouches for nobody", client, x509.VerifyOptions{
			Roots: stranger, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, err := ca.Issue(c.request)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tls.LoadX509KeyPair(files.Cert, files.Key); err != nil {
				t.Errorf("certificate and key do not belong together: %v", err)
			}
			cert := parse(t, files)
			if _, err := cert.Verify(c.options); (err == nil) != c.ok {
				t.Errorf("verification: %v, want success %t", err, c.ok)
			}
			if cert.Subject.CommonName != c.request.CommonName || len(cert.Subject.Organization) != len(c.request.Organizations) {
				t.Errorf("subject %s", cert.Subject)
			}
		})
	}
}

func TestKeysAreSecret(t *testing.T) {
	ca := newAuthority(t, "ca")
	key, _, err := pki.ServiceAccountKeys(filepath.Dir(ca.Files().Key))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{ca.Files().Key, key} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(path), info.Mode())
		}
	}
}

func TestKubeconfigCanBeMoved(t *testing.T) {
	ca := newAuthority(t, "ca")
	client, err := ca.Issue(pki.Request{File: "client", CommonName: "jane"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := pki.Kubeconfig{Path: path, Server: "https://127.0.0.1:1", CA: ca.Files().Cert, Client: client, Cluster: "c"}
	if err := config.Write(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(client.Cert)); err != nil {
		t.Fatal(err)
	}
	read, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if read.Host != "https://127.0.0.1:1" || len(read.CertData) == 0 || len(read.KeyData) == 0 || len(read.CAData) == 0 {
		t.Errorf("the file does not hold all it needs: %v", read)
	}
}

func newAuthority(t *testing.T, name string) *pki.Authority {
	t.Helper()
	ca, err := pki.NewAuthority(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func parse(t *testing.T, files pki.Pair) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
