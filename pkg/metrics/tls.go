package metrics

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// Serving says how to serve. Names are those of the controller configuration file.
type Serving struct {
	Address           string
	MinTLSVersion     string
	CipherSuites      []string
	CertFile, KeyFile string
}

// Material reads the key pair and checks the names.
func (s Serving) Material() (Material, error) {
	version, err := tlsVersion(s.MinTLSVersion)
	if err != nil {
		return Material{}, err
	}
	suites, err := cipherSuites(s.CipherSuites)
	if err != nil {
		return Material{}, err
	}
	cert, err := os.ReadFile(s.CertFile)
	if err != nil {
		return Material{}, fmt.Errorf("reading the serving certificate: %w", err)
	}
	key, err := os.ReadFile(s.KeyFile)
	if err != nil {
		return Material{}, fmt.Errorf("reading the key of the serving certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return Material{}, fmt.Errorf("loading the serving certificate %s: %w", s.CertFile, err)
	}
	digest := sha256.New()
	for _, part := range []string{s.MinTLSVersion, strings.Join(s.CipherSuites, ","), string(cert), string(key)} {
		_, _ = fmt.Fprintf(digest, "%d:%s", len(part), part)
	}
	return Material{
		Address: s.Address,
		Digest:  hex.EncodeToString(digest.Sum(nil)),
		TLS: &tls.Config{
			Certificates: []tls.Certificate{pair},
			MinVersion:   version,
			CipherSuites: suites,
			// HTTP/2 stays off: nothing here gains from it, and its resets have been a way to burn a server's CPU.
			NextProtos: []string{"http/1.1"},
		},
	}, nil
}

// tlsVersion knows the names of configv1.TLSProtocolVersion.
func tlsVersion(name string) (uint16, error) {
	switch name {
	case "":
		return tls.VersionTLS12, nil
	case "VersionTLS10":
		return tls.VersionTLS10, nil
	case "VersionTLS11":
		return tls.VersionTLS11, nil
	case "VersionTLS12":
		return tls.VersionTLS12, nil
	case "VersionTLS13":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("servingInfo.minTLSVersion: unknown version %q", name)
}

// cipherSuites knows the IANA names. Suites of TLS 1.3 are accepted because profiles list them, but Go does not let
// anybody choose among them. No names mean Go's own choice.
func cipherSuites(names []string) ([]uint16, error) {
	if len(names) == 0 {
		return nil, nil
	}
	known := map[string]uint16{}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known[suite.Name] = suite.ID
	}
	ids := make([]uint16, 0, len(names))
	for _, name := range names {
		id, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("servingInfo.cipherSuites: unknown suite %q", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
