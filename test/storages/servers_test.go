package storages

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// The accounts of the operator at the clouds.
const (
	gcpProject  = "main-project"
	gcpEmail    = "registry@main-project.iam.gserviceaccount.com"
	azureDomain = "azure.test"
	azureGroup  = "cluster-rg"
	ibmLocation = "us-south"
	ibmGroup    = "cluster-group"
	swiftRegion = "RegionOne"

	// Secrets that are no part of any other word.
	azureSecret   = "azure-client-secret"
	swiftPassword = "swift-password"
)

// servers are the clouds, and the way to them.
type servers struct {
	gate                   *library.Gate
	gcs, azure, swift, ibm *storagetest.Server
	gcpKey                 *rsa.PrivateKey
}

func startServers(ctx context.Context, dir string) (*servers, error) {
	s := &servers{}
	var err error
	if s.gate, err = library.OpenGate(ctx, strings.TrimPrefix(cluster.S3.ProxyURL, "http://")); err != nil {
		return nil, err
	}
	for _, start := range []func(context.Context, string) error{s.startGCS, s.startAzure, s.startSwift, s.startIBM} {
		if err := start(ctx, dir); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

func (s *servers) stop() {
	for _, server := range []*storagetest.Server{s.gcs, s.azure, s.swift, s.ibm} {
		if server != nil {
			server.Stop()
		}
	}
	_ = s.gate.Close()
}

// trust is what the operator's system trusts: S3's CA would be the cloud's on AWS.
func (s *servers) trust() ([]byte, error) {
	s3, err := os.ReadFile(cluster.S3.CAFile)
	return bytes.Join([][]byte{s.gate.CA, s.ibm.CA, s.azure.CA, s3}, []byte("\n")), err
}

func under(domain string) func(string) bool {
	return func(host string) bool { return strings.HasSuffix(host, "."+domain) }
}

func (s *servers) startGCS(ctx context.Context, dir string) (err error) {
	if s.gcpKey, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&s.gcpKey.PublicKey)
	if err != nil {
		return err
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	accounts := map[string]any{
		"main":             map[string]string{"email": gcpEmail, "project": gcpProject, "publicKey": public},
		"other":            map[string]string{"email": "x@other-project.iam.gserviceaccount.com", "project": "other-project", "publicKey": public},
		"workloadIdentity": map[string]string{"audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/c", "subjectToken": "t"},
	}
	s.gcs, err = storagetest.Start(ctx, dir, storagetest.Program{
		Variable: "GCS_SERVER_BINARY", Names: []string{"*.googleapis.com"}, Files: map[string]any{"accounts.json": accounts},
		Args: []string{"--accounts", "{dir}/accounts.json"},
	})
	if err != nil {
		return err
	}
	return s.gate.Lead(under("googleapis.com"), "https://"+s.gcs.Addresses["tls"], s.gcs.CA, nil)
}

func (s *servers) startAzure(ctx context.Context, dir string) (err error) {
	identity := map[string]any{"tenant": "tenant", "client": "client", "secret": azureSecret, "subscription": "subscription", "groups": []string{azureGroup}}
	hosts := []string{"*." + azureDomain, "*.blob." + azureDomain, "login.microsoftonline.com", "management.azure.com", "*.blob.core.windows.net"}
	s.azure, err = storagetest.Start(ctx, dir, storagetest.Program{
		Variable: "AZURE_SERVER_BINARY", Names: hosts, Files: map[string]any{"identity.json": identity},
		Args: []string{
			"--identity", "{dir}/identity.json", "--data-dir", "{dir}/data", "--domain", azureDomain, "--public-cloud",
			"--azurite", os.Getenv("AZURITE_HOME"),
		},
	})
	if err != nil {
		return err
	}
	return s.gate.Lead(azureHost, "https://"+s.azure.Addresses["tls"], s.azure.CA, nil)
}

// azureHost tells the names of the Azure Stack Hub and of the public cloud.
func azureHost(host string) bool {
	return under(azureDomain)(host) || under("blob.core.windows.net")(host) || host == "login.microsoftonline.com" || host == "management.azure.com"
}

func (s *servers) startSwift(ctx context.Context, dir string) (err error) {
	directory := map[string]any{
		"users": []any{map[string]any{
			"name": "registry", "password": swiftPassword, "domain": "Default",
			"roles": map[string]string{"cluster": "member", "elsewhere": "member"},
		}},
		"projects": []any{
			map[string]string{"name": "cluster", "serviceType": "object-store", "serviceName": "swift", "region": swiftRegion},
			map[string]string{"name": "elsewhere"},
		},
	}
	s.swift, err = storagetest.Start(ctx, dir, storagetest.Program{
		Variable: "SWIFT_SERVER_BINARY", Files: map[string]any{"directory.json": directory},
		Args: []string{"--directory", "{dir}/directory.json", "--data-dir", "{dir}/data"},
	})
	return err
}

func (s *servers) startIBM(ctx context.Context, dir string) (err error) {
	accounts := map[string]any{
		"main":  map[string]any{"id": "account", "apiKey": "api-key", "hmac": map[string]string{"accessKeyID": "AKIAIBM00000000000", "secretAccessKey": "hmac-secret"}},
		"other": map[string]any{"id": "other", "apiKey": "other-key", "hmac": map[string]string{"accessKeyID": "AKIAOTHER000000000", "secretAccessKey": "other-secret"}},
	}
	hosts := []string{"*.cloud.ibm.com", "*." + ibmLocation + ".cloud-object-storage.appdomain.cloud"}
	s.ibm, err = storagetest.Start(ctx, dir, storagetest.Program{
		Variable: "IBM_SERVER_BINARY", Names: hosts, Files: map[string]any{"accounts.json": accounts},
		Args: []string{"--accounts", "{dir}/accounts.json", "--data-dir", "{dir}/data", "--location", ibmLocation, "--group", ibmGroup},
	})
	if err != nil {
		return err
	}
	return errors.Join(
		s.gate.Lead(under("cloud.ibm.com"), "https://"+s.ibm.Addresses["services"], s.ibm.CA, nil),
		// The server takes the first part of any other name for a bucket.
		s.gate.Lead(under("appdomain.cloud"), "https://"+s.ibm.Addresses["cos"], s.ibm.CA, func(string) string { return s.ibm.Addresses["cos"] }),
	)
}

// writeCredentials puts the credentials of all clouds into the Secret of minted ones.
func (s *servers) writeCredentials(ctx context.Context) error {
	key, err := x509.MarshalPKCS8PrivateKey(s.gcpKey)
	if err != nil {
		return err
	}
	google, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": gcpProject, "private_key_id": "1", "client_email": gcpEmail,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"token_uri":   "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: names.CloudCredentials, Namespace: names.OperatorNamespace},
		StringData: map[string]string{
			"aws_access_key_id": cluster.S3.AccessKeyID, "aws_secret_access_key": cluster.S3.SecretAccessKey,
			"service_account.json":  string(google),
			"azure_subscription_id": "subscription", "azure_client_id": "client", "azure_client_secret": azureSecret, "azure_tenant_id": "tenant",
			"azure_resourcegroup": azureGroup, "azure_region": "local",
			"clouds.yaml":      s.openstack("cluster"),
			"cacert":           string(s.swift.CA),
			"ibmcloud_api_key": "api-key",
		},
	}
	if _, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	return nil
}

// openstack is clouds.yaml for a project.
func (s *servers) openstack(project string) string {
	return fmt.Sprintf(`clouds:
  openstack:
    auth: {auth_url: "https://%s/v3", username: registry, password: %s, user_domain_name: Default, project_name: %s, project_domain_name: Default}
    region_name: %s
    identity_api_version: 3
`, s.swift.Addresses["tls"], swiftPassword, project, swiftRegion)
}

// writeEndpoints says where the Azure Stack Hub is. The file is the operator's to write, on Azure; on the platform of most of
// this suite nobody does.
func (s *servers) writeEndpoints(ctx context.Context, file string) error {
	endpoints, err := json.Marshal(map[string]string{
		"name": "AzureStackCloud", "activeDirectoryEndpoint": "https://login." + azureDomain + "/", "resourceManagerEndpoint": "https://management." + azureDomain + "/",
		"tokenAudience": "https://management." + azureDomain + "/", "storageEndpointSuffix": azureDomain,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, endpoints, 0o600); err != nil {
		return err
	}
	_, err = cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: names.CloudProviderConfig, Namespace: names.UserConfigNamespace},
		Data:       map[string]string{"endpoints": string(endpoints)},
	}, metav1.CreateOptions{})
	return err
}
