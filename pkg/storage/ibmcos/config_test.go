package ibmcos

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

type spec = imageregistryv1.ImageRegistryConfigStorageIBMCOS

func onIBM(location, group string, endpoints ...configv1.IBMCloudServiceEndpoint) *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: "infra", PlatformStatus: &configv1.PlatformStatus{
			Type:     configv1.IBMCloudPlatformType,
			IBMCloud: &configv1.IBMCloudPlatformStatus{Location: location, ResourceGroupName: group, ServiceEndpoints: endpoints},
		},
	}}
}

func onPowerVS(region string) *configv1.Infrastructure {
	return &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
		InfrastructureName: "infra", PlatformStatus: &configv1.PlatformStatus{
			Type:    configv1.PowerVSPlatformType,
			PowerVS: &configv1.PowerVSPlatformStatus{Region: region, ResourceGroup: "power-group"},
		},
	}}
}

func inputs(infrastructure *configv1.Infrastructure, c spec) storage.Inputs {
	return storage.Inputs{
		Coordinates: storage.Coordinates{IBMCOS: &c}, Infrastructure: infrastructure,
		MintedSecret: &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: names.CloudCredentials},
			Data:       map[string][]byte{mintedKey: []byte("key\n")},
		},
		ConfigMap: func(_, name string) (*corev1.ConfigMap, error) {
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
	}
}

func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		name           string
		infrastructure *configv1.Infrastructure
		given          spec
		want           string
		endpoint       string
		failure        string
	}{
		{"the cluster's", onIBM("us-south", "g"), spec{}, "us-south g", "s3.us-south.cloud-object-storage.appdomain.cloud", ""},
		{"what is given stays", onIBM("us-south", "g"), spec{Location: "eu-de", ResourceGroupName: "mine"}, "eu-de mine", "s3.eu-de.cloud-object-storage.appdomain.cloud", ""},
		{"an endpoint of the cluster's", onIBM("us-south", "g", configv1.IBMCloudServiceEndpoint{Name: "COS", URL: "https://cos.private/"}), spec{}, "us-south g", "https://cos.private", ""},
		{"an endpoint that is none of ours", onIBM("us-south", "g", configv1.IBMCloudServiceEndpoint{Name: "VPC", URL: "https://vpc"}), spec{}, "us-south g", "s3.us-south.cloud-object-storage.appdomain.cloud", ""},
		{"no location", onIBM("", "g"), spec{}, "", "", "set spec.storage.ibmcos.location"},
		{"a region of Power VS", onPowerVS("wdc"), spec{}, "us-east power-group", "s3.us-east.cloud-object-storage.appdomain.cloud", ""},
		{"a region that nobody knows", onPowerVS("mars"), spec{}, "", "", "Power VS region mars"},
		{"a region that nobody knows, and a location", onPowerVS("mars"), spec{Location: "eu-de"}, "eu-de power-group", "s3.eu-de.cloud-object-storage.appdomain.cloud", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := newBackend(inputs(tt.infrastructure, tt.given), Options{}, &sessions{})
			if tt.failure != "" {
				var e *storage.Error
				if !errors.As(err, &e) || !strings.Contains(e.Message, tt.failure) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := b.config.Location + " " + b.config.ResourceGroupName; got != tt.want || b.registryEndpoint() != tt.endpoint {
				t.Errorf("got %s at %s", got, b.registryEndpoint())
			}
			if b.session.apiKey != "key" || !strings.HasPrefix(b.endpoint(), "https://") {
				t.Errorf("key %q, endpoint %q", b.session.apiKey, b.endpoint())
			}
		})
	}
}

func TestPowerRegions(t *testing.T) {
	want := "dal=us-south eu-de=eu-de lon=eu-gb mad=eu-de mon=ca-tor osa=jp-osa sao=br-sao syd=au-syd tok=jp-tok tor=ca-tor us-east=us-east us-south=us-south wdc=us-east"
	got := strings.NewReplacer("map[", "", "]", "", ":", "=").Replace(fmt.Sprint(powerRegions))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCredentialsThatDoNotCome(t *testing.T) {
	in := inputs(onIBM("us-south", "g"), spec{})
	in.MintedSecret = nil
	_, err := newBackend(in, Options{}, &sessions{})
	var e *storage.Error
	if !errors.As(err, &e) || e.Reason != names.ReasonWaitingForCredentials || !strings.Contains(e.Message, userKey) || !strings.Contains(e.Message, mintedKey) {
		t.Errorf("error is %v", err)
	}
}

func TestOneSessionPerConfiguration(t *testing.T) {
	all := &sessions{}
	session := func(in storage.Inputs) *session {
		b, err := newBackend(in, Options{CallTimeout: time.Second}, all)
		if err != nil {
			t.Fatal(err)
		}
		return b.session
	}
	in := inputs(onIBM("us-south", "g"), spec{Bucket: "one"})
	first := session(in)
	in.Coordinates.IBMCOS.Bucket = "two"
	if session(in) != first {
		t.Error("another bucket makes another session")
	}
	in.UserSecret = &corev1.Secret{Data: map[string][]byte{userKey: []byte("other")}}
	if second := session(in); second == first || second.apiKey != "other" {
		t.Error("another key uses the old session")
	}
}

func TestSettings(t *testing.T) {
	coordinates := storage.Coordinates{IBMCOS: &spec{Bucket: "b", Location: "eu-de"}}
	if _, err := settings(coordinates, nil); err == nil {
		t.Error("settings without facts")
	}
	s, err := settings(coordinates, storage.Facts{factCredentials: []byte("text"), factEndpoint: []byte("s3.host")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, variable := range s.Env {
		value, err := storage.RenderEnv(variable)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, variable.Name+"="+value)
	}
	want := []string{
		"REGISTRY_STORAGE=s3", "REGISTRY_STORAGE_S3_BUCKET=b", "REGISTRY_STORAGE_S3_REGION=eu-de", "REGISTRY_STORAGE_S3_REGIONENDPOINT=s3.host",
		"REGISTRY_STORAGE_S3_ENCRYPT=false", "REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true", "REGISTRY_STORAGE_S3_USEDUALSTACK=false",
		"REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=/var/run/secrets/cloud/credentials",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if len(s.Volumes) != 1 || s.Volumes[0].Secret.SecretName != names.PrivateConfiguration || s.Mounts[0].MountPath != "/var/run/secrets/cloud" ||
		!s.Mounts[0].ReadOnly || string(s.SecretData["credentials"]) != "text" {
		t.Errorf("settings are %+v", s)
	}
}

func TestKeyMustFit(t *testing.T) {
	good := func() resourceKey {
		k := resourceKey{CRN: "key", Source: "instance"}
		k.Credentials.Role = manager
		k.Credentials.HMAC.AccessKeyID, k.Credentials.HMAC.SecretAccessKey = "a", "s"
		return k
	}
	for name, tt := range map[string]struct {
		edit func(*resourceKey)
		says string
	}{
		"a manager's":         {func(*resourceKey) {}, ""},
		"a writer's":          {func(k *resourceKey) { k.Credentials.Role = writer }, ""},
		"a reader's":          {func(k *resourceKey) { k.Credentials.Role = "crn:v1:bluemix:public:iam::::serviceRole:Reader" }, "Writer"},
		"another instance's":  {func(k *resourceKey) { k.Source = "other" }, "another service instance"},
		"one without a pair":  {func(k *resourceKey) { k.Credentials.HMAC.AccessKeyID = "" }, "HMAC"},
		"one without secrets": {func(k *resourceKey) { k.Credentials.HMAC.SecretAccessKey = "" }, "HMAC"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &backend{config: config{spec{ServiceInstanceCRN: "instance", ResourceKeyCRN: "key"}}}
			k := good()
			tt.edit(&k)
			err := b.validate(k)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for body, want := range map[string]string{
		`{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}`: "BXNIM0415E Provided API key could not be found.",
		`{"error_code":"RC-Forbidden","message":"no","transaction_id":"1"}`:                "RC-Forbidden no",
		`{"errors":[{"code":"not_found","message":"gone"}],"trace":"1"}`:                   "not_found gone",
		`<html>`: "BadGateway ",
	} {
		e := refusal("IAM", http.StatusBadGateway, http.Header{"Retry-After": {"9"}}, []byte(body))
		if got := e.code + " " + e.message; got != want || e.retryAfter != 9*time.Second {
			t.Errorf("%s gives %q after %s", body, got, e.retryAfter)
		}
	}
}

func TestTokensThatNameNoAccount(t *testing.T) {
	for _, text := range []string{"", "a.b", "a.!.c", "a.e30.c"} {
		if account, err := accountOf(text); err == nil {
			t.Errorf("token %q is of account %q", text, account)
		}
	}
}
