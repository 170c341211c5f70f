// Package s3test runs a real S3 server for tests on loopback, with a certificate of its own.
package s3test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
)

const (
	// Region is the one that the server serves.
	Region = "us-east-1"
	// Domain is the endpoint's host name.
	Domain = "s3.us-east-1.cluster.test"
	// Endpoint is what a client is configured with.
	Endpoint = "https://" + Domain
	// STSHost is the name of STS.
	STSHost = "sts.us-east-1.cluster.test"
	// Issuer is whose tokens STS takes.
	Issuer = "https://kubernetes.default.svc"
	// Audience is whom they have to be for.
	Audience = "openshift"
)

// Server is a running server.
type Server struct {
	Accounts s3server.Accounts
	// CAFile holds the certificate that signed the server's.
	CAFile string
	// Options are those that the server runs with.
	Options   s3server.Options
	Addresses s3server.Addresses
	// Issuers signs tokens that STS takes.
	Issuers *rsa.PrivateKey

	cancel context.CancelFunc
	ended  chan error
	roots  *x509.CertPool
}

// Start runs a server whose files are in dir, until Stop.
func Start(dir string) (*Server, error) {
	s := &Server{
		Accounts: s3server.Accounts{
			Main:  s3server.Account{AccessKeyID: "AKIAMAIN0000000000", SecretAccessKey: rand.Text()},
			Other: s3server.Account{AccessKeyID: "AKIAOTHER000000000", SecretAccessKey: rand.Text()},
		},
		CAFile: filepath.Join(dir, "ca.crt"),
	}
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := WriteCertificate(cert, key, Domain, "*."+Domain, STSHost); err != nil {
		return nil, err
	}
	pemBytes, err := os.ReadFile(cert)
	if err != nil {
		return nil, err
	}
	s.CAFile, s.roots = cert, x509.NewCertPool()
	s.roots.AppendCertsFromPEM(pemBytes)
	tokenKey := filepath.Join(dir, "tokens.pub")
	if s.Issuers, err = writeTokenKey(tokenKey); err != nil {
		return nil, err
	}
	s.Options = s3server.Options{
		ListenTLS: "127.0.0.1:0", ListenAdmin: "127.0.0.1:0", ListenProxy: "127.0.0.1:0",
		CertFile: cert, KeyFile: key, Domain: Domain, Region: Region,
		DataDir: filepath.Join(dir, "data"), Accounts: s.Accounts,
		Identity: s3server.Identity{Host: STSHost, KeyFile: tokenKey, Issuer: Issuer, Audience: Audience},
	}
	return s, s.Resume()
}

// Resume starts a stopped server again, on the same data.
func (s *Server) Resume() error {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended = cancel, make(chan error, 1)
	ready := make(chan s3server.Addresses, 1)
	options := s.Options
	options.Ready = func(addresses s3server.Addresses) { ready <- addresses }
	go func() { s.ended <- s3server.Run(ctx, options) }()
	select {
	case s.Addresses = <-ready:
		return nil
	case err := <-s.ended:
		cancel()
		return err
	}
}

// Stop ends the server and returns how it ended.
func (s *Server) Stop() error {
	s.cancel()
	return <-s.ended
}

// AdminURL is the base of the admin API.
func (s *Server) AdminURL() string { return "http://" + s.Addresses.Admin }

// ProxyURL is the CONNECT proxy.
func (s *Server) ProxyURL() string { return "http://" + s.Addresses.Proxy }

// Transport reaches every name of the endpoint, without DNS.
func (s *Server) Transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Addresses.TLS)
		},
		TLSClientConfig:   &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
}

// Client is an SDK client of an account; virtual-hosted unless pathStyle is set. It does not retry, so that a test
// sees each answer.
func (s *Server) Client(account s3server.Account, pathStyle bool, edits ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		Region:           Region,
		BaseEndpoint:     aws.String(Endpoint),
		Credentials:      credentials.NewStaticCredentialsProvider(account.AccessKeyID, account.SecretAccessKey, ""),
		UsePathStyle:     pathStyle,
		HTTPClient:       &http.Client{Transport: s.Transport()},
		RetryMaxAttempts: 1,
	}, edits...)
}

// writeTokenKey makes the key of an issuer of tokens and writes the public half of it.
func writeTokenKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600)
}

// Token signs claims as a JWT.
func Token(key *rsa.PrivateKey, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	return signed + "." + encode(signature), err
}

// WriteCertificate writes a self-signed key pair for names.
func WriteCertificate(certFile, keyFile string, names ...string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			return fmt.Errorf("writing the test certificate: %w", err)
		}
	}
	return nil
}
