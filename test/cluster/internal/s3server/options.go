package s3server

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Account is one tenant: what one owns, the other may not touch.
type Account struct {
	AccessKeyID     string `json:"accessKeyID"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// Accounts are the two tenants of the server.
type Accounts struct {
	// Main is the account of the cluster.
	Main Account `json:"main"`
	// Other is somebody else's, to own buckets that the cluster must not get.
	Other Account `json:"other"`
}

// Identity describes an OpenID Connect provider, such as the API server of a cluster, and where to find STS. Without a key
// there is no STS.
type Identity struct {
	// Host is the name of STS.
	Host string
	// KeyFile is the public key of the provider, RSA as PEM.
	KeyFile string
	// Issuer and Audience are what its tokens have to be from and for.
	Issuer, Audience string
}

func (i Identity) enabled() bool { return i.KeyFile != "" }

// Options say what to serve and where.
type Options struct {
	// ListenTLS is the address of the S3 endpoint.
	ListenTLS string
	// ListenAdmin is where tests read requests and inject faults: host:port, or the path of a unix socket.
	ListenAdmin string
	// ListenProxy is the address of the CONNECT proxy; empty means none.
	ListenProxy string
	// CertFile and KeyFile are for Domain and *.Domain.
	CertFile, KeyFile string
	// Domain is the endpoint's host name; <bucket>.<Domain> addresses a bucket.
	Domain string
	// Region is the only region that is served.
	Region string
	// DataDir holds buckets and their settings; it survives a restart.
	DataDir string
	// Accounts may use the server.
	Accounts Accounts
	// Identity is whose tokens can be exchanged for credentials of a role.
	Identity Identity
	// Versioning lets clients turn on versions for their buckets.
	Versioning bool
	// Ready, if set, is called once, when all listeners accept.
	Ready func(Addresses)
}

// Addresses are those in use, with the ports that the system chose.
type Addresses struct {
	TLS   string `json:"tls"`
	Admin string `json:"admin"`
	Proxy string `json:"proxy,omitempty"`
}

func (o *Options) validate() error {
	for name, value := range map[string]string{
		"the TLS listener": o.ListenTLS, "the admin listener": o.ListenAdmin, "a certificate": o.CertFile,
		"a key": o.KeyFile, "a domain": o.Domain, "a region": o.Region, "a data folder": o.DataDir,
		"the main account's key id": o.Accounts.Main.AccessKeyID, "the main account's secret": o.Accounts.Main.SecretAccessKey,
		"the other account's key id": o.Accounts.Other.AccessKeyID, "the other account's secret": o.Accounts.Other.SecretAccessKey,
	} {
		if value == "" {
			return fmt.Errorf("%s must be given", name)
		}
	}
	if o.Accounts.Main.AccessKeyID == o.Accounts.Other.AccessKeyID {
		return errors.New("the two accounts must have different key ids")
	}
	if o.Identity.enabled() && (o.Identity.Host == "" || o.Identity.Issuer == "" || o.Identity.Audience == "") {
		return errors.New("a key for tokens needs a host name of STS, an issuer and an audience")
	}
	if strings.HasPrefix(o.Domain, ".") || strings.ToLower(o.Domain) != o.Domain {
		return fmt.Errorf("domain %q must be a lower-case host name", o.Domain)
	}
	return nil
}

// absolute makes the paths independent of the working directory: versitygw's posix backend changes it.
func (o *Options) absolute() error {
	paths := []*string{&o.CertFile, &o.KeyFile, &o.DataDir}
	if isSocket(o.ListenAdmin) {
		paths = append(paths, &o.ListenAdmin)
	}
	if o.Identity.enabled() {
		paths = append(paths, &o.Identity.KeyFile)
	}
	for _, path := range paths {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("path %s: %w", *path, err)
		}
		*path = absolute
	}
	return nil
}

func isSocket(address string) bool { return strings.Contains(address, "/") }
