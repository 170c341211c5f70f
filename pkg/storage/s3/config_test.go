package s3

import (
	"encoding/json"
	"errors"
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

type s3Spec = imageregistryv1.ImageRegistryConfigStorageS3

func TestEffectiveConfig(t *testing.T) {
	withEndpoint := awsInfrastructure(configv1.AWSServiceEndpoint{Name: "s3", URL: "https://s3.vpc"}, configv1.AWSServiceEndpoint{Name: "sts", URL: "https://sts.vpc"})
	elsewhere := awsInfrastructure()
	elsewhere.Status.PlatformStatus.Type = configv1.NonePlatformType
	for _, tt := range []struct {
		name           string
		infrastructure *configv1.Infrastructure
		given          s3Spec
		want           s3Spec
	}{
		{"nothing given takes the cluster's region", awsInfrastructure(), s3Spec{}, s3Spec{Region: "us-west-2"}},
		{"nothing given takes the cluster's endpoint, virtual hosted", withEndpoint, s3Spec{}, s3Spec{Region: "us-west-2", RegionEndpoint: "https://s3.vpc", VirtualHostedStyle: true}},
		{"a given region keeps the cluster's endpoint out", withEndpoint, s3Spec{Region: "eu-west-1"}, s3Spec{Region: "eu-west-1"}},
		{"a given endpoint keeps the cluster's region out", withEndpoint, s3Spec{RegionEndpoint: "https://mine"}, s3Spec{RegionEndpoint: "https://mine"}},
		{"another platform completes nothing", elsewhere, s3Spec{}, s3Spec{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := clusterFrom(tt.infrastructure)
			if err != nil {
				t.Fatal(err)
			}
			if got := effectiveConfig(&tt.given, c).ImageRegistryConfigStorageS3; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestInputsThatCannotWork(t *testing.T) {
	good := func() storage.Inputs {
		return storage.Inputs{
			Coordinates:    storage.Coordinates{S3: &s3Spec{}},
			Infrastructure: awsInfrastructure(), MintedSecret: staticCredentials(), ConfigMap: configMaps(nil),
		}
	}
	for _, tt := range []struct {
		name   string
		edit   func(*storage.Inputs)
		code   string
		reason string
		text   string
	}{
		{"an endpoint without region", func(in *storage.Inputs) { in.Coordinates.S3.RegionEndpoint = "https://x" }, "MissingRegion", "", "spec.storage.s3.region"},
		{"an endpoint that is no URL", func(in *storage.Inputs) { in.Coordinates.S3 = &s3Spec{Region: "r", RegionEndpoint: "https://"} }, "InvalidEndpointURL", "", "regionEndpoint"},
		{"no secret", func(in *storage.Inputs) { in.MintedSecret = nil }, "", names.ReasonWaitingForCredentials, "REGISTRY_STORAGE_S3_ACCESSKEY and REGISTRY_STORAGE_S3_SECRETKEY"},
		{"a secret with other keys", func(in *storage.Inputs) { in.MintedSecret.Data = map[string][]byte{"x": nil} }, "", names.ReasonWaitingForCredentials, "aws_access_key_id"},
		{"half of a user's secret, which the minted one does not complete", func(in *storage.Inputs) {
			in.UserSecret = opaque(names.PrivateConfigurationUser, map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": "a"})
		}, "", names.ReasonWaitingForCredentials, "image-registry-private-configuration-user has no value for: REGISTRY_STORAGE_S3_SECRETKEY"},
		{"credentials without the section", func(in *storage.Inputs) {
			in.MintedSecret = opaque("s", map[string]string{"credentials": "[other]\naws_access_key_id = s3cr3t\n"})
		}, "InvalidCredentialsFile", "", "has no section [default]"},
		{"credentials that are neither keys nor a role", func(in *storage.Inputs) {
			in.MintedSecret = opaque("s", map[string]string{"credentials": "[default]\ncredential_process = s3cr3t\n"})
		}, "InvalidCredentialsFile", "", "role_arn and web_identity_token_file"},
		{"a trusted CA that is absent", func(in *storage.Inputs) { in.Coordinates.S3.TrustedCA.Name = "ca" }, "InvalidCABundle", "", "openshift-config/ca with key ca-bundle.crt"},
		{"a trusted CA without certificate", func(in *storage.Inputs) {
			in.Coordinates.S3.TrustedCA.Name = "ca"
			in.ConfigMap = configMaps(map[string]string{"openshift-config/ca:ca-bundle.crt": "# none"})
		}, "InvalidCABundle", "", "contains no certificate"},
		{"a cloud CA without certificate", func(in *storage.Inputs) {
			in.ConfigMap = configMaps(map[string]string{"openshift-config-managed/kube-cloud-config:ca-bundle.pem": ""})
		}, "InvalidCABundle", "", "contains no certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := good()
			tt.edit(&in)
			_, err := Driver(Options{}).New(in)
			var e *storage.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Reason != tt.reason || !strings.Contains(e.Message, tt.text) {
				t.Fatalf("error is %+v", err)
			}
			if strings.Contains(e.Message, "s3cr3t") {
				t.Errorf("the message %q shows a secret", e.Message)
			}
		})
	}
	t.Run("no platform status", func(t *testing.T) {
		in := good()
		in.Infrastructure = &configv1.Infrastructure{}
		if _, err := Driver(Options{}).New(in); err == nil {
			t.Error("no error")
		}
	})
	if _, err := Driver(Options{}).New(good()); err != nil {
		t.Errorf("good inputs: %v", err)
	}
}

func TestCABundle(t *testing.T) {
	s := newScript(t, nil)
	in := s.inputs("b")
	if bundle, err := caBundle(in); err != nil || len(bundle.PEM) == 0 || !bundle.SystemRoots {
		t.Errorf("the cloud's bundle: %+v, %v", bundle, err)
	}
	cloud, err := in.ConfigMap(names.ManagedConfigNamespace, names.KubeCloudConfig)
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates.S3.TrustedCA.Name = "mine"
	in.ConfigMap = configMaps(map[string]string{"openshift-config/mine:ca-bundle.crt": cloud.Data["ca-bundle.pem"]})
	if bundle, err := caBundle(in); err != nil || len(bundle.PEM) == 0 || bundle.SystemRoots {
		t.Errorf("the administrator's bundle: %+v, %v", bundle, err)
	}
	in.Coordinates.S3.TrustedCA.Name = ""
	if bundle, err := caBundle(in); err != nil || len(bundle.PEM) != 0 || !bundle.SystemRoots {
		t.Errorf("no bundle: %+v, %v", bundle, err)
	}
}

func TestCredentialsText(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   storage.Inputs
		want string
	}{
		{"static keys of the minted secret", storage.Inputs{MintedSecret: staticCredentials()}, "[default]\naws_access_key_id = AKIAX\naws_secret_access_key = s3cr3t\n"},
		{"a text is passed through", storage.Inputs{MintedSecret: opaque("s", map[string]string{"credentials": "[default]\nrole_arn = a", "aws_access_key_id": "x"})}, "[default]\nrole_arn = a"},
		{"the user's secret wins", storage.Inputs{MintedSecret: staticCredentials(), UserSecret: opaque("u", map[string]string{"REGISTRY_STORAGE_S3_ACCESSKEY": "A\n", "REGISTRY_STORAGE_S3_SECRETKEY": "B"})}, "[default]\naws_access_key_id = A\naws_secret_access_key = B\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := storage.CredentialsFrom(tt.in, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := credentialsText(c); err != nil || got != tt.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestParseProfile(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       profile
	}{
		{
			"a secret key may hold any character", "[default]\naws_access_key_id = AK\naws_secret_access_key = a#b;c=d:e\"f'g\\\n",
			profile{accessKey: "AK", secretKey: `a#b;c=d:e"f'g\`},
		},
		{
			"a role with its token", "# minted\n[default]\nsts_regional_endpoints = regional\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /t\n",
			profile{roleARN: "arn:aws:iam::1:role/r", tokenFile: "/t"},
		},
		{"the other name of the section", "[profile default]\naws_access_key_id=a\naws_secret_access_key=b\naws_session_token=c", profile{accessKey: "a", secretKey: "b", sessionToken: "c"}},
		{"nested properties are skipped", "[default]\naws_access_key_id = a\naws_secret_access_key = b\ns3 =\n  max_queue_size = 1\n[other]\naws_access_key_id = x\n", profile{accessKey: "a", secretKey: "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseProfile(tt.text, "s"); err != nil || got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	facts := storage.Facts{"credentials": []byte("text")}
	key := corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "cf"}, Key: "k.pem"}
	for _, tt := range []struct {
		name string
		spec s3Spec
		want []string
	}{
		{"a bucket of Amazon", s3Spec{Bucket: "b", Region: "us-east-1", Encrypt: true}, []string{
			"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_BUCKET=b", "REGISTRY_STORAGE_S3_REGION=us-east-1", "REGISTRY_STORAGE_S3_ENCRYPT=true",
			"REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true", "REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=/var/run/secrets/cloud/credentials", "REGISTRY_STORAGE_S3_USEDUALSTACK=true",
		}},
		{"everything", s3Spec{
			Bucket: "b", Region: "us-iso-east-1", RegionEndpoint: "https://e", KeyID: "key", ChunkSizeMiB: 10, VirtualHostedStyle: true,
			CloudFront: &imageregistryv1.ImageRegistryConfigStorageS3CloudFront{BaseURL: "https://cf", KeypairID: "kp", PrivateKey: key, Duration: metav1.Duration{Duration: 300 * time.Second}},
		}, []string{
			"REGISTRY_STORAGE_S3_REGIONENDPOINT=https://e", "REGISTRY_STORAGE_S3_KEYID=key", "REGISTRY_STORAGE_S3_CHUNKSIZE=10485760",
			"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_BUCKET=b", "REGISTRY_STORAGE_S3_REGION=us-iso-east-1", "REGISTRY_STORAGE_S3_ENCRYPT=false",
			"REGISTRY_STORAGE_S3_FORCEPATHSTYLE=false", "REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=/var/run/secrets/cloud/credentials", "REGISTRY_STORAGE_S3_USEDUALSTACK=true",
			"REGISTRY_MIDDLEWARE_STORAGE=- name: cloudfront\n  options:\n    baseurl: https://cf\n    privatekey: /etc/docker/cloudfront/private.pem\n    keypairid: kp\n    duration: 5m0s\n    ipfilteredby: none",
		}},
		{"an isolated region, and a chunk size out of range", s3Spec{Bucket: "b", Region: "us-iso-east-1", ChunkSizeMiB: 4}, []string{
			"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_BUCKET=b", "REGISTRY_STORAGE_S3_REGION=us-iso-east-1", "REGISTRY_STORAGE_S3_ENCRYPT=false",
			"REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true", "REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=/var/run/secrets/cloud/credentials",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := settings(storage.Coordinates{S3: &tt.spec}, facts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, rendered(t, s.Env)); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			want := storage.Settings{
				SecretData: map[string][]byte{"credentials": []byte("text")},
				Volumes:    []corev1.Volume{volume(names.PrivateConfiguration, corev1.SecretVolumeSource{SecretName: names.PrivateConfiguration, Optional: ptr.To(false)})},
				Mounts:     []corev1.VolumeMount{{Name: names.PrivateConfiguration, MountPath: "/var/run/secrets/cloud", ReadOnly: true}},
			}
			if tt.spec.CloudFront != nil {
				want.Volumes = append(want.Volumes, volume("registry-cloudfront", corev1.SecretVolumeSource{
					SecretName: "cf", Items: []corev1.KeyToPath{{Key: "k.pem", Path: "private.pem"}}, Optional: ptr.To(false),
				}))
				want.Mounts = append(want.Mounts, corev1.VolumeMount{Name: "registry-cloudfront", MountPath: "/etc/docker/cloudfront", ReadOnly: true})
			}
			s.Env = nil
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("CloudFront's default duration is in seconds", func(t *testing.T) {
		s, err := settings(storage.Coordinates{S3: &s3Spec{CloudFront: &imageregistryv1.ImageRegistryConfigStorageS3CloudFront{}}}, facts)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := storage.RenderEnv(s.Env[len(s.Env)-1]); !strings.Contains(text, "duration: 1200s\n") {
			t.Errorf("rendered %q", text)
		}
	})
	if _, err := settings(storage.Coordinates{S3: &s3Spec{}}, storage.Facts{}); err == nil {
		t.Error("settings without credentials")
	}
}

// rendered are the variables as "NAME=value".
func rendered(t *testing.T, env []storage.EnvVar) []string {
	t.Helper()
	var list []string
	for _, v := range env {
		text, err := storage.RenderEnv(v)
		if err != nil || v.Secret {
			t.Errorf("variable %+v: %v", v, err)
		}
		list = append(list, v.Name+"="+text)
	}
	return list
}

func volume(name string, source corev1.SecretVolumeSource) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &source}}
}

func TestDualStackRegion(t *testing.T) {
	for region, want := range map[string]bool{
		"us-east-1": true, "us-gov-east-1": true, "cn-north-1": true, "eusc-de-east-1": true, "nowhere-1": true,
		"us-iso-east-1": false, "us-isob-east-1": false, "eu-isoe-west-1": false, "us-isof-south-1": false, "": false,
	} {
		if got := dualStackRegion(region); got != want {
			t.Errorf("%q: %t", region, got)
		}
	}
}

func TestTagsAreFiltered(t *testing.T) {
	infrastructure := awsInfrastructure()
	infrastructure.Status.PlatformStatus.AWS.ResourceTags = []configv1.AWSResourceTag{
		{Key: "team", Value: "a b"},
		{Key: "cost center", Value: ""},
		{Key: "name", Value: "x"},
		{Key: "kubernetes.io/cluster/other", Value: "owned"},
		{Key: "sub.openshift.io/x", Value: "x"},
		{Key: "aws:x", Value: "x"},
		{Key: "ümlaut", Value: "x"},
		{Key: "long", Value: strings.Repeat("v", 257)},
		{Key: "", Value: "x"},
	}
	c, err := clusterFrom(infrastructure)
	if err != nil {
		t.Fatal(err)
	}
	tags, skipped := (&backend{cluster: c}).wantedTags()
	got, err := json.Marshal(tags)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Name":"infra-image-registry","cost center":"","kubernetes.io/cluster/infra":"owned","team":"a b"}`
	if string(got) != want || len(skipped) != 7 {
		t.Errorf("tags are %s, skipped %q", got, skipped)
	}
}
