package gcs

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

type gcsSpec = imageregistryv1.ImageRegistryConfigStorageGCS

func googleCluster(edits ...func(*configv1.PlatformStatus)) *configv1.Infrastructure {
	platform := &configv1.PlatformStatus{Type: configv1.GCPPlatformType, GCP: &configv1.GCPPlatformStatus{ProjectID: "p", Region: "r"}}
	for _, edit := range edits {
		edit(platform)
	}
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{InfrastructureName: "infra", PlatformStatus: platform}}
}

func TestEffectiveConfig(t *testing.T) {
	elsewhere := func(p *configv1.PlatformStatus) { p.Type, p.GCP = configv1.NonePlatformType, nil }
	for _, tt := range []struct {
		name  string
		given *gcsSpec
		edits []func(*configv1.PlatformStatus)
		want  gcsSpec
	}{
		{"nothing is given", nil, nil, gcsSpec{Region: "r", ProjectID: "p"}},
		{"a region is kept", &gcsSpec{Region: "mine"}, nil, gcsSpec{Region: "mine", ProjectID: "p"}},
		{"a project is kept", &gcsSpec{ProjectID: "mine"}, nil, gcsSpec{Region: "r", ProjectID: "mine"}},
		{"bucket and key are kept", &gcsSpec{Bucket: "b", KeyID: "k"}, nil, gcsSpec{Bucket: "b", KeyID: "k", Region: "r", ProjectID: "p"}},
		{"another platform", &gcsSpec{Bucket: "b"}, []func(*configv1.PlatformStatus){elsewhere}, gcsSpec{Bucket: "b"}},
		{"no status of the platform", &gcsSpec{}, []func(*configv1.PlatformStatus){func(p *configv1.PlatformStatus) { p.GCP = nil }}, gcsSpec{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := clusterFrom(googleCluster(tt.edits...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, effectiveConfig(tt.given, c).ImageRegistryConfigStorageGCS); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := clusterFrom(nil); err == nil {
		t.Error("no Infrastructure is no error")
	}
}

func TestWantedLabels(t *testing.T) {
	label := func(key, value string) func(*configv1.PlatformStatus) {
		return func(p *configv1.PlatformStatus) {
			p.GCP.ResourceLabels = append(p.GCP.ResourceLabels, configv1.GCPResourceLabel{Key: key, Value: value})
		}
	}
	const mark = "kubernetes-io-cluster-infra"
	for _, tt := range []struct {
		name  string
		edits []func(*configv1.PlatformStatus)
		want  map[string]string
	}{
		{"none of the user's", nil, map[string]string{mark: "owned"}},
		{"two of the user's", []func(*configv1.PlatformStatus){label("a", "1"), label("b", "")}, map[string]string{mark: "owned", "a": "1", "b": ""}},
		{"the mark stays", []func(*configv1.PlatformStatus){label(mark, "shared")}, map[string]string{mark: "owned"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := clusterFrom(googleCluster(tt.edits...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, c.wantedLabels()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func opaque(name, key, value string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{key: []byte(value)}}
}

const (
	serviceAccount  = `{"type":"service_account","client_email":"e","private_key":"very-secret"}`
	externalAccount = `{"type":"external_account","audience":"a","token_url":"u","credential_source":{"file":"/t"}}`
)

func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		name, text, says string
	}{
		{"a service account", serviceAccount, ""},
		{"a workload identity", externalAccount, ""},
		{"no text", "", "has no value for: service_account.json"},
		{"no JSON", `{"private_key": very-secret`, "is not a credentials file of Google Cloud"},
		{"no key", `{"type":"service_account","client_email":"e"}`, "has no client_email or no private_key"},
		{"a person", `{"type":"authorized_user","refresh_token":"very-secret"}`, "a type other than"},
		{"no source", `{"type":"external_account","audience":"a","token_url":"u"}`, "no credential_source"},
		{"a program", `{"type":"external_account","audience":"a","token_url":"u","credential_source":{"executable":{"command":"x"}}}`, "neither a file nor a url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := credentialsFrom(storage.Inputs{MintedSecret: opaque(names.CloudCredentials, mintedKey, tt.text)})
			switch {
			case tt.says == "" && (err != nil || string(c.text) != tt.text):
				t.Errorf("%s, %v", c.text, err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), names.CloudCredentials)):
				t.Errorf("error is %v, want one with %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "very-secret") {
				t.Errorf("the message has the key: %v", err)
			}
		})
	}
	t.Run("the user's secret counts alone", func(t *testing.T) {
		in := storage.Inputs{
			MintedSecret: opaque(names.CloudCredentials, mintedKey, serviceAccount),
			UserSecret:   opaque(names.PrivateConfigurationUser, userKey, externalAccount),
		}
		if c, err := credentialsFrom(in); err != nil || string(c.text) != externalAccount {
			t.Errorf("%s, %v", c.text, err)
		}
		in.UserSecret = opaque(names.PrivateConfigurationUser, "another", "x")
		if _, err := credentialsFrom(in); err == nil || !strings.Contains(err.Error(), userKey) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("none are waited for", func(t *testing.T) {
		_, err := credentialsFrom(storage.Inputs{})
		var e *storage.Error
		if !errors.As(err, &e) || e.Reason != names.ReasonWaitingForCredentials || !strings.Contains(e.Message, userKey) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestMissingCoordinates(t *testing.T) {
	elsewhere := googleCluster(func(p *configv1.PlatformStatus) { p.Type, p.GCP = configv1.NonePlatformType, nil })
	for field, given := range map[string]gcsSpec{
		"spec.storage.gcs.projectID": {Region: "r"}, "spec.storage.gcs.region": {ProjectID: "p"},
	} {
		c, err := clusterFrom(elsewhere)
		if err != nil {
			t.Fatal(err)
		}
		if err := effectiveConfig(&given, c).mayCreate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error is %v, want one with %s", err, field)
		}
	}
}

func TestSettings(t *testing.T) {
	coordinates := storage.Coordinates{GCS: &gcsSpec{Bucket: "b", Region: "r"}}
	got, err := settings(coordinates, storage.Facts{userKey: []byte(serviceAccount)})
	if err != nil {
		t.Fatal(err)
	}
	want := storage.Settings{
		Env: []storage.EnvVar{
			{Name: "REGISTRY_STORAGE", Value: "gcs"},
			{Name: "REGISTRY_STORAGE_GCS_BUCKET", Value: "b"},
			{Name: "REGISTRY_STORAGE_GCS_KEYFILE", Value: "/gcs/keyfile"},
		},
		SecretData: map[string][]byte{"REGISTRY_STORAGE_GCS_KEYFILE": []byte(serviceAccount)},
		Volumes: []corev1.Volume{{Name: "registry-storage-keyfile", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: "image-registry-private-configuration", Optional: ptr.To(false),
			Items: []corev1.KeyToPath{{Key: "REGISTRY_STORAGE_GCS_KEYFILE", Path: "keyfile"}},
		}}}},
		Mounts: []corev1.VolumeMount{{Name: "registry-storage-keyfile", MountPath: "/gcs", ReadOnly: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if _, err := settings(coordinates, nil); err == nil {
		t.Error("settings without credentials")
	}
	if _, err := settings(storage.Coordinates{}, storage.Facts{userKey: nil}); err == nil {
		t.Error("settings without coordinates")
	}
}

func TestDriver(t *testing.T) {
	d := Driver(Options{})
	c := storage.Coordinates{GCS: &gcsSpec{Bucket: "b", Region: "r"}}
	if !d.Configured(&c) || d.Identity(&c) != "b" {
		t.Errorf("configured %t, identity %s", d.Configured(&c), d.Identity(&c))
	}
	if d.Forget(&c); c.GCS.Bucket != "" || c.GCS.Region != "r" {
		t.Errorf("left are %+v", c.GCS)
	}
	none := storage.Coordinates{}
	d.Forget(&none)
	if d.Configured(&none) || d.Identity(&none) != "" {
		t.Error("coordinates without GCS")
	}
	if bundle, err := d.CABundle(storage.Inputs{}); err != nil || len(bundle.PEM) > 0 || !bundle.SystemRoots {
		t.Errorf("bundle is %+v, %v", bundle, err)
	}
}

func TestProductionEndpoints(t *testing.T) {
	c := newClient(clientConfig{options: Options{CallTimeout: time.Second}}, &http.Transport{})
	if got := c.bucketURL("b", "o", "a/b c"); got != "https://storage.googleapis.com/storage/v1/b/b/o/a%2Fb%20c" {
		t.Errorf("URL of an object is %s", got)
	}
	b := &backend{client: c, config: effective{gcsSpec{Region: "us-east1"}}}
	for location, want := range map[string]string{
		"":   "https://us-east1-cloudresourcemanager.googleapis.com",
		"EU": "https://eu-cloudresourcemanager.googleapis.com",
	} {
		if got := b.resourceManager(&bucket{Location: location}); got != want {
			t.Errorf("tags of a bucket in %q are bound at %s", location, got)
		}
	}
}
