package swift

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const clouds = `clouds:
  openstack:
    auth:
      auth_url: https://keystone.example.com:13000
      username: registry
      password: "12 34"
      project_name: 77
      project_id: 00ff
      user_domain_name: Default
      user_domain_id: default
    region_name: one
    identity_api_version: "3"
  shifted:
    auth:
      auth_url: https://keystone.example.com/identity
      application_credential_id: a1
      application_credential_name: images
      application_credential_secret: s3
      domain_name: own
      domain_id: d1
      user_domain_name: other
  token:
    auth: {auth_url: "http://keystone", token: t0k}
  broken:
    auth: {username: registry}
`

func inputs(cloud string, spec imageregistryv1.ImageRegistryConfigStorageSwift) storage.Inputs {
	in := storage.Inputs{
		Coordinates: storage.Coordinates{Swift: &spec},
		Infrastructure: &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
			InfrastructureName: "infra-x1",
			PlatformStatus:     &configv1.PlatformStatus{Type: configv1.OpenStackPlatformType},
		}},
		MintedSecret: minted("clouds.yaml", clouds),
		ConfigMap: func(_, name string) (*corev1.ConfigMap, error) {
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
	}
	if cloud != "" {
		in.Infrastructure.Status.PlatformStatus.OpenStack = &configv1.OpenStackPlatformStatus{CloudName: cloud}
	}
	return in
}

func minted(pairs ...string) *corev1.Secret { return secret(names.CloudCredentials, pairs...) }

func secret(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}

// variablesOf are the variables of the registry for inputs, one per line.
func variablesOf(t *testing.T, in storage.Inputs) string {
	t.Helper()
	driver := Driver(Options{})
	backend, err := driver.New(in)
	if err != nil {
		t.Fatal(err)
	}
	s, err := driver.Settings(in.Coordinates, backend.(interface{ facts() storage.Facts }).facts())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Volumes)+len(s.Mounts)+len(s.SecretData) > 0 {
		t.Errorf("settings have more than variables: %+v", s)
	}
	var lines []string
	for _, v := range s.Env {
		text, err := storage.RenderEnv(v)
		if err != nil {
			t.Fatal(err)
		}
		kind := ""
		if v.Secret {
			kind = " (secret)"
		}
		lines = append(lines, strings.TrimPrefix(v.Name, "REGISTRY_STORAGE")+kind+" "+text)
	}
	return strings.Join(lines, "\n")
}

func (b *backend) facts() storage.Facts { return b.access.facts() }

func TestSettings(t *testing.T) {
	user := func(pairs ...string) func(*storage.Inputs) {
		return func(in *storage.Inputs) { in.UserSecret = secret(names.PrivateConfigurationUser, pairs...) }
	}
	for name, test := range map[string]struct {
		cloud string
		spec  imageregistryv1.ImageRegistryConfigStorageSwift
		with  func(*storage.Inputs)
		want  string
	}{
		"user and password of clouds.yaml; unused secrets are empty": {
			spec: imageregistryv1.ImageRegistryConfigStorageSwift{Container: "c"},
			want: ` swift
_SWIFT_CONTAINER c
_SWIFT_AUTHURL https://keystone.example.com:13000/v3
_SWIFT_USERNAME (secret) registry
_SWIFT_PASSWORD (secret) 12 34
_SWIFT_TOKENID (secret) ""
_SWIFT_APPLICATIONCREDENTIALID (secret) ""
_SWIFT_APPLICATIONCREDENTIALNAME (secret) ""
_SWIFT_APPLICATIONCREDENTIALSECRET (secret) ""
_SWIFT_AUTHVERSION 3
_SWIFT_DOMAIN Default
_SWIFT_DOMAINID default
_SWIFT_TENANT "77"
_SWIFT_TENANTID 00ff
_SWIFT_REGION one`,
		},
		"an application credential in the cloud that Infrastructure names": {
			cloud: "shifted",
			spec:  imageregistryv1.ImageRegistryConfigStorageSwift{Container: "c"},
			want: ` swift
_SWIFT_CONTAINER c
_SWIFT_AUTHURL https://keystone.example.com/identity/v3
_SWIFT_USERNAME (secret) ""
_SWIFT_PASSWORD (secret) ""
_SWIFT_TOKENID (secret) ""
_SWIFT_APPLICATIONCREDENTIALID (secret) a1
_SWIFT_APPLICATIONCREDENTIALNAME (secret) images
_SWIFT_APPLICATIONCREDENTIALSECRET (secret) s3
_SWIFT_AUTHVERSION 3
_SWIFT_DOMAIN own
_SWIFT_DOMAINID d1`,
		},
		"spec has the last word": {
			cloud: "token",
			spec: imageregistryv1.ImageRegistryConfigStorageSwift{
				Container: "c", AuthURL: "https://Other", AuthVersion: "2", Domain: "d", DomainID: "di", Tenant: "t", TenantID: "ti", RegionName: "r",
			},
			want: ` swift
_SWIFT_CONTAINER c
_SWIFT_AUTHURL https://other/v2
_SWIFT_USERNAME (secret) ""
_SWIFT_PASSWORD (secret) ""
_SWIFT_TOKENID (secret) t0k
_SWIFT_APPLICATIONCREDENTIALID (secret) ""
_SWIFT_APPLICATIONCREDENTIALNAME (secret) ""
_SWIFT_APPLICATIONCREDENTIALSECRET (secret) ""
_SWIFT_AUTHVERSION 2
_SWIFT_DOMAIN d
_SWIFT_DOMAINID di
_SWIFT_TENANT t
_SWIFT_TENANTID ti
_SWIFT_REGION r`,
		},
		"the administrator's secret is used alone": {
			spec: imageregistryv1.ImageRegistryConfigStorageSwift{Container: "c", AuthURL: "https://h/v3"},
			with: user("REGISTRY_STORAGE_SWIFT_USERNAME", "u\n", "REGISTRY_STORAGE_SWIFT_PASSWORD", "true"),
			want: ` swift
_SWIFT_CONTAINER c
_SWIFT_AUTHURL https://h/v3
_SWIFT_USERNAME (secret) u
_SWIFT_PASSWORD (secret) "true"
_SWIFT_TOKENID (secret) ""
_SWIFT_APPLICATIONCREDENTIALID (secret) ""
_SWIFT_APPLICATIONCREDENTIALNAME (secret) ""
_SWIFT_APPLICATIONCREDENTIALSECRET (secret) ""
_SWIFT_AUTHVERSION 3`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(test.cloud, test.spec)
			if test.with != nil {
				test.with(&in)
			}
			if diff := cmp.Diff(test.want, variablesOf(t, in)); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIncompleteCredentials(t *testing.T) {
	for name, test := range map[string]struct {
		cloud        string
		minted, user *corev1.Secret
		authURL      string
		reason, says string
	}{
		"no secret at all": {reason: names.ReasonWaitingForCredentials, says: "clouds.yaml"},
		"no clouds.yaml":   {minted: minted("other", "x"), reason: names.ReasonWaitingForCredentials, says: "clouds.yaml"},
		"not YAML":         {minted: minted("clouds.yaml", "clouds: {openstack: hunter2"), says: "is not a clouds.yaml"},
		"a list for a text": {
			minted: minted("clouds.yaml", "clouds: {openstack: {auth: {password: [hunter2]}}}"), says: "is not a clouds.yaml",
		},
		"another cloud":     {cloud: "mine", minted: minted("clouds.yaml", clouds), says: `has no cloud "mine" (it has: broken, openstack, shifted, token)`},
		"no URL":            {cloud: "broken", minted: minted("clouds.yaml", clouds), says: "auth_url of cloud broken"},
		"a URL that is bad": {minted: minted("clouds.yaml", clouds), authURL: "INVALID_URL", says: "spec.storage.swift.authURL"},
		"a version that is no number": {
			minted: minted("clouds.yaml", `clouds: {openstack: {auth: {auth_url: "http://h"}, identity_api_version: v3}}`), says: `"v3" is not a number`,
		},
		"half a pair": {
			user:   secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_SWIFT_USERNAME", "u"),
			reason: names.ReasonWaitingForCredentials, says: "REGISTRY_STORAGE_SWIFT_PASSWORD",
		},
		"the administrator's without a URL": {
			minted: minted("clouds.yaml", clouds),
			user:   secret(names.PrivateConfigurationUser, "REGISTRY_STORAGE_SWIFT_TOKENID", "t"), says: "set spec.storage.swift.authURL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(test.cloud, imageregistryv1.ImageRegistryConfigStorageSwift{AuthURL: test.authURL})
			in.MintedSecret, in.UserSecret = test.minted, test.user
			_, err := Driver(Options{}).New(in)
			var e *storage.Error
			if !errors.As(err, &e) || e.Reason != test.reason || !strings.Contains(e.Message, test.says) || strings.Contains(e.Message, "hunter2") {
				t.Fatalf("error is %#v, want reason %q and %q", err, test.reason, test.says)
			}
			if test.reason == "" && (e.Status != "Unknown" || e.ConditionReason != "Could not connect to registry storage") {
				t.Errorf("StorageExists would be %s/%s", e.Status, e.ConditionReason)
			}
		})
	}
}

func TestCABundle(t *testing.T) {
	const fromSecret, fromMap = "-----BEGIN CERTIFICATE-----\n", "not a certificate"
	pem := string(testCA(t))
	configMap := func(text string) func(namespace, name string) (*corev1.ConfigMap, error) {
		return func(namespace, name string) (*corev1.ConfigMap, error) {
			if namespace != "openshift-config" || name != "cloud-provider-config" {
				t.Errorf("configmap %s/%s was read", namespace, name)
			}
			return &corev1.ConfigMap{Data: map[string]string{"ca-bundle.pem": text}}, nil
		}
	}
	for name, test := range map[string]struct {
		cacert    string
		configMap string
		want      storage.CABundle
		fails     string
	}{
		"of the secret, before all else": {cacert: pem, configMap: fromMap, want: storage.CABundle{PEM: []byte(pem)}},
		"of the configmap":               {configMap: pem, want: storage.CABundle{PEM: []byte(pem)}},
		"none":                           {want: storage.CABundle{SystemRoots: true}},
		"a secret without a certificate": {cacert: fromSecret, fails: "key cacert of secret openshift-image-registry/installer-cloud-credentials"},
		"a map without a certificate":    {configMap: fromMap, fails: "key ca-bundle.pem of configmap openshift-config/cloud-provider-config"},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs("", imageregistryv1.ImageRegistryConfigStorageSwift{})
			// The administrator's Secret has no CA: that of the cloud counts all the same.
			in.UserSecret = secret(names.PrivateConfigurationUser)
			in.MintedSecret, in.ConfigMap = minted("cacert", test.cacert), configMap(test.configMap)
			got, err := Driver(Options{}).CABundle(in)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("error is %v, want %q", err, test.fails)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v; bundle (-want +got):\n%s", err, diff)
			}
		})
	}
}
