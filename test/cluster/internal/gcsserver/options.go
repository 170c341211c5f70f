package gcsserver

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Account is a service account of Google's: what one's project owns, the other may not touch.
type Account struct {
	Email   string `json:"email"`
	Project string `json:"project"`
	// PublicKey is the PEM of the key that its assertions are signed with.
	PublicKey string `json:"publicKey"`
	key       *rsa.PublicKey
}

// WorkloadIdentity is a provider that trusts one token of a cluster.
type WorkloadIdentity struct {
	// Audience is the provider's name; SubjectToken is the only token that it takes.
	Audience     string `json:"audience"`
	SubjectToken string `json:"subjectToken"`
}

// Accounts are who may use the server.
type Accounts struct {
	// Main is the account of the cluster; the workload identity may act as it.
	Main Account `json:"main"`
	// Other is somebody else's, to own buckets that the cluster must not get.
	Other            Account          `json:"other"`
	WorkloadIdentity WorkloadIdentity `json:"workloadIdentity"`
}

// Options say what to serve and where.
type Options struct {
	// ListenTLS is the address of all of Google's APIs; ListenAdmin is where tests read requests and inject faults.
	ListenTLS, ListenAdmin string
	CertFile, KeyFile      string
	Accounts               Accounts
	// Ready, if set, is called once, when both listeners accept.
	Ready func(Addresses)
}

// Addresses are those in use, with the ports that the system chose.
type Addresses struct {
	TLS   string `json:"tls"`
	Admin string `json:"admin"`
}

func (o *Options) validate() error {
	for name, value := range map[string]string{
		"the TLS listener": o.ListenTLS, "the admin listener": o.ListenAdmin, "a certificate": o.CertFile, "a key": o.KeyFile,
		"an audience": o.Accounts.WorkloadIdentity.Audience, "a subject token": o.Accounts.WorkloadIdentity.SubjectToken,
	} {
		if value == "" {
			return fmt.Errorf("%s must be given", name)
		}
	}
	for _, account := range []*Account{&o.Accounts.Main, &o.Accounts.Other} {
		if err := account.parse(); err != nil {
			return fmt.Errorf("account %s: %w", account.Email, err)
		}
	}
	if o.Accounts.Main.Email == o.Accounts.Other.Email || o.Accounts.Main.Project == o.Accounts.Other.Project {
		return errors.New("the two accounts must have different names and projects")
	}
	return nil
}

func (a *Account) parse() error {
	if !strings.HasSuffix(a.Email, ".iam.gserviceaccount.com") || a.Project == "" {
		return errors.New("email must end in .iam.gserviceaccount.com, and project be given")
	}
	block, _ := pem.Decode([]byte(a.PublicKey))
	if block == nil {
		return errors.New("publicKey is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		return errors.New("publicKey is not of RSA")
	}
	a.key = rsaKey
	return nil
}
