package registry

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// defaultTLSVersion holds where the operator sets no minimum.
const defaultTLSVersion = tls.VersionTLS12

func tlsVersion(text string) (uint16, error) {
	var name string
	if err := decode(text, &name); err != nil {
		return 0, err
	}
	versions := map[string]uint16{
		"VersionTLS10": tls.VersionTLS10,
		"VersionTLS11": tls.VersionTLS11,
		"VersionTLS12": tls.VersionTLS12,
		"VersionTLS13": tls.VersionTLS13,
	}
	version, known := versions[name]
	if !known {
		return 0, fmt.Errorf("%q is none of VersionTLS10 to VersionTLS13", name)
	}
	return version, nil
}

// cipherSuites reads comma-joined IANA names. Go knows the ChaCha20 suites with the suffix _SHA256; OpenShift's
// profiles also name them without.
func cipherSuites(text string) ([]uint16, error) {
	known := map[string]uint16{}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known[suite.Name] = suite.ID
		if short, is := strings.CutSuffix(suite.Name, "_CHACHA20_POLY1305_SHA256"); is {
			known[short+"_CHACHA20_POLY1305"] = suite.ID
		}
	}
	var suites []uint16
	for _, name := range strings.Split(text, ",") {
		id, is := known[name]
		if !is {
			return nil, fmt.Errorf("unknown cipher suite %q", name)
		}
		suites = append(suites, id)
	}
	return suites, nil
}

// certificate serves the key pair of two files and follows their changes: a kubelet swaps the files of a Secret
// volume in place, and a registry that had to restart for that would drop pushes.
type certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	loaded *tls.Certificate
	stamps [2]stamp
}

type stamp struct {
	modified time.Time
	size     int64
}

func newCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return c, nil
}

// get is a tls.Config.GetCertificate. Two stats per handshake are cheap, and need no watcher that could miss the
// swap of a link.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps, err := c.stat()
	if err == nil && c.loaded != nil && stamps == c.stamps {
		return c.loaded, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.loaded, c.stamps = &pair, stamps
			return c.loaded, nil
		}
	}
	if c.loaded == nil {
		return nil, fmt.Errorf("loading the key pair %s, %s: %w", c.certFile, c.keyFile, err)
	}
	// Half a swap, or a broken new pair: what worked goes on working, and the next handshake looks again.
	logrus.Errorf("keeping the loaded certificate: loading %s, %s: %v", c.certFile, c.keyFile, err)
	return c.loaded, nil
}

func (c *certificate) stat() (stamps [2]stamp, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{modified: info.ModTime(), size: info.Size()}
	}
	return stamps, nil
}
