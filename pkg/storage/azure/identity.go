package azure

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// tokens makes the credential that tokens come from: a certificate from a file on a hosted control plane, else a client
// secret, else the federated token of our ServiceAccount.
func tokens(i identity, c Cloud, o Options, client policy.ClientOptions) (azcore.TokenCredential, error) {
	switch {
	case o.IdentityFile != "":
		return newCertificateFile(o.IdentityFile, client, o.Now)
	case i.secret != "":
		return azidentity.NewClientSecretCredential(i.tenant, i.client, i.secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: client, DisableInstanceDiscovery: c.private,
		})
	case c.stack:
		return nil, configError(fmt.Sprintf("an Azure Stack Hub needs a client secret: secret %s has no value for %s; add it", i.from, mintedSecret), nil)
	}
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: client, TenantID: i.tenant, ClientID: i.client, TokenFilePath: i.tokenFile, DisableInstanceDiscovery: c.private,
	})
}

// certificateAge is how long a certificate is used before the file is read again, whatever the file system says of it.
const certificateAge = 6 * time.Hour

// certificateFile gives tokens for the certificate in a file that somebody else keeps fresh. It looks at the file when a
// token is asked for; between tokens there is nothing to renew.
type certificateFile struct {
	path   string
	client policy.ClientOptions
	now    func() time.Time

	mu        sync.Mutex
	current   azcore.TokenCredential
	notBefore time.Time
	changed   time.Time
	read      time.Time
}

// certificate is the content of the file.
type certificate struct {
	ClientID               string `json:"client_id"`
	TenantID               string `json:"tenant_id"`
	ClientSecret           string `json:"client_secret"`
	AuthenticationEndpoint string `json:"authentication_endpoint"`
	NotBefore              string `json:"not_before"`
}

func newCertificateFile(path string, client policy.ClientOptions, now func() time.Time) (azcore.TokenCredential, error) {
	if err := checkPath(path); err != nil {
		return nil, configError(fmt.Sprintf("MANAGED_AZURE_HCP_CREDENTIALS_FILE_PATH: %v", err), err)
	}
	f := &certificateFile{path: path, client: client, now: now}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// checkPath refuses what cannot be a file that was mounted for us.
func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("path %q is not absolute", path)
	}
	if slices.Contains(strings.Split(path, string(filepath.Separator)), "..") {
		return fmt.Errorf("path %q contains a .. segment", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder", path)
	}
	return nil
}

// GetToken implements azcore.TokenCredential.
func (f *certificateFile) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	f.mu.Lock()
	err := f.load()
	current := f.current
	f.mu.Unlock()
	if current == nil {
		return azcore.AccessToken{}, err
	}
	return current.GetToken(ctx, options)
}

// load reads the file when it has changed or its last reading is old. A file that is half written or older than what is
// in use leaves the credential as it is.
func (f *certificateFile) load() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return configError(fmt.Sprintf("reading the identity of the hosted control plane: %v", err), err)
	}
	if f.current != nil && info.ModTime().Equal(f.changed) && f.now().Sub(f.read) < certificateAge {
		return nil
	}
	next, notBefore, err := f.credential()
	if err != nil {
		return configError(fmt.Sprintf("file %s, the identity of the hosted control plane: %v", f.path, err), err)
	}
	f.changed, f.read = info.ModTime(), f.now()
	if f.current == nil || !notBefore.Before(f.notBefore) {
		f.current, f.notBefore = next, notBefore
	}
	return nil
}

// credential makes a credential of the file's content. Errors never quote it.
func (f *certificateFile) credential() (azcore.TokenCredential, time.Time, error) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return nil, time.Time{}, err
	}
	var c certificate
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, time.Time{}, errors.New("it is no JSON object with text values")
	}
	if c.ClientID == "" || c.TenantID == "" || c.ClientSecret == "" {
		return nil, time.Time{}, errors.New("it needs client_id, tenant_id and client_secret")
	}
	notBefore, err := time.Parse(time.RFC3339, c.NotBefore)
	if c.NotBefore != "" && err != nil {
		return nil, time.Time{}, errors.New("its not_before is no time such as 2026-01-02T15:04:05Z")
	}
	bundle, err := base64.StdEncoding.DecodeString(c.ClientSecret)
	if err != nil {
		return nil, time.Time{}, errors.New("its client_secret is not in base64")
	}
	certs, key, err := azidentity.ParseCertificates(bundle, nil)
	if err != nil {
		return nil, time.Time{}, errors.New("its client_secret holds no certificate with its key, as PEM or PKCS#12")
	}
	client := f.client
	if c.AuthenticationEndpoint != "" {
		client.Cloud.ActiveDirectoryAuthorityHost = c.AuthenticationEndpoint
	}
	credential, err := azidentity.NewClientCertificateCredential(c.TenantID, c.ClientID, certs, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: client, SendCertificateChain: true, DisableInstanceDiscovery: true,
	})
	return credential, notBefore, err
}
