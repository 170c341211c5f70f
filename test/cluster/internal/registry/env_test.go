package registry

import (
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var translateCases = []struct {
	name string
	env  []string
	want Settings
	rest []string
}{
	{"nothing leaves TLS 1.2 as the minimum", nil, Settings{MinVersion: tls.VersionTLS12}, nil},
	{
		"variables of distribution and of others pass",
		[]string{"REGISTRY_STORAGE=s3", "HTTP_PROXY=http://p", "REGISTRY_HTTP_SECRET=a=b", "AWS_REGION=x"},
		Settings{MinVersion: tls.VersionTLS12},
		[]string{"REGISTRY_STORAGE=s3", "HTTP_PROXY=http://p", "REGISTRY_HTTP_SECRET=a=b", "AWS_REGION=x"},
	},
	{
		"limits, also where YAML quotes them",
		[]string{
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING=1", "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE=2",
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE=6h0m0s", "REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING=3",
			"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXINQUEUE=4", `REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXWAITINQUEUE="3s"`,
		},
		Settings{
			MinVersion: tls.VersionTLS12, Reads: Limit{1, 2, 6 * time.Hour}, Writes: Limit{3, 4, 3 * time.Second},
		},
		nil,
	},
	{
		"TLS, metrics, quota and the address",
		[]string{
			"REGISTRY_HTTP_TLS_MINVERSION=VersionTLS13",
			"OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES=TLS_RSA_WITH_RC4_128_SHA,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305," +
				"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
			"REGISTRY_OPENSHIFT_METRICS_ENABLED=true", "REGISTRY_OPENSHIFT_QUOTA_ENABLED=true",
			"REGISTRY_OPENSHIFT_SERVER_ADDR=image-registry.openshift-image-registry.svc:5000",
		},
		Settings{MinVersion: tls.VersionTLS13, Metrics: true, CipherSuites: []uint16{
			tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}},
		nil,
	},
	{
		"an Azure account key is said to be one",
		[]string{"REGISTRY_STORAGE=azure", "REGISTRY_STORAGE_AZURE_ACCOUNTKEY=a2V5", "REGISTRY_STORAGE_AZURE_CONTAINER=c"},
		Settings{MinVersion: tls.VersionTLS12},
		[]string{
			"REGISTRY_STORAGE=azure", "REGISTRY_STORAGE_AZURE_ACCOUNTKEY=a2V5", "REGISTRY_STORAGE_AZURE_CONTAINER=c",
			"REGISTRY_STORAGE_AZURE_CREDENTIALS={type: shared_key}",
		},
	},
	{
		"Azure without a key has what the SDK finds",
		[]string{"AZURE_FEDERATED_TOKEN_FILE=/t", "REGISTRY_STORAGE_AZURE_CONTAINER=c"},
		Settings{MinVersion: tls.VersionTLS12},
		[]string{
			"AZURE_FEDERATED_TOKEN_FILE=/t", "REGISTRY_STORAGE_AZURE_CONTAINER=c",
			"REGISTRY_STORAGE_AZURE_CREDENTIALS={type: default_credentials}",
		},
	},
	{
		"GCS needs no translation",
		[]string{"REGISTRY_STORAGE_GCS_BUCKET=b", "REGISTRY_STORAGE_GCS_KEYFILE=/gcs/keyfile"},
		Settings{MinVersion: tls.VersionTLS12},
		[]string{"REGISTRY_STORAGE_GCS_BUCKET=b", "REGISTRY_STORAGE_GCS_KEYFILE=/gcs/keyfile"},
	},
	{
		"a credentials file displaces every other AWS variable",
		[]string{"AWS_ACCESS_KEY_ID=x", "REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH=/var/c", "A=b"},
		Settings{MinVersion: tls.VersionTLS12, CredentialsFile: "/var/c"},
		[]string{
			"A=b", "AWS_SHARED_CREDENTIALS_FILE=/var/c", "AWS_SDK_LOAD_CONFIG=true", "AWS_EC2_METADATA_DISABLED=true",
		},
	},
}

func TestTranslate(t *testing.T) {
	for _, c := range translateCases {
		t.Run(c.name, func(t *testing.T) {
			got, rest, err := Translate(c.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if !slices.Equal(rest, c.rest) {
				t.Errorf("the rest is %q, want %q", rest, c.rest)
			}
		})
	}
}

// TestConfigurationReadsYAMLScalars pins what the operator's way of rendering values relies on.
func TestConfigurationReadsYAMLScalars(t *testing.T) {
	for name, value := range map[string]string{
		"REGISTRY_STORAGE":                       "s3",
		"REGISTRY_STORAGE_S3_BUCKET":             `"10"`,
		"REGISTRY_STORAGE_S3_KEYID":              `'# foo''bar"baz'`,
		"REGISTRY_STORAGE_S3_CHUNKSIZE":          "10485760",
		"REGISTRY_STORAGE_S3_ENCRYPT":            "true",
		"REGISTRY_STORAGE_MAINTENANCE_READONLY":  "{enabled: true}",
		"REGISTRY_STORAGE_DELETE_ENABLED":        "true",
		"REGISTRY_HTTP_SECRET":                   "0123",
		"REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL": "10s",
		"REGISTRY_MIDDLEWARE_STORAGE": "- name: cloudfront\n  options:\n    baseurl: https://x\n    duration: 1200s\n" +
			"    ipfilteredby: none\n",
	} {
		t.Setenv(name, value)
	}
	config, err := Configuration()
	if err != nil {
		t.Fatal(err)
	}
	storage := config.Storage["s3"]
	for name, want := range map[string]any{"bucket": "10", "keyid": `# foo'bar"baz`, "chunksize": 10485760, "encrypt": true} {
		if storage[name] != want {
			t.Errorf("%s is %#v, want %#v", name, storage[name], want)
		}
	}
	readonly, isMap := config.Storage["maintenance"]["readonly"].(map[any]any)
	if !isMap || readonly["enabled"] != true || config.Storage["delete"]["enabled"] != true {
		t.Errorf("maintenance %#v, delete %#v", config.Storage["maintenance"], config.Storage["delete"])
	}
	got := map[string]any{"secret": config.HTTP.Secret, "interval": config.Health.StorageDriver.Interval}
	if diff := cmp.Diff(map[string]any{"secret": "0123", "interval": 10 * time.Second}, got); diff != "" {
		t.Error(diff)
	}
	middleware := config.Middleware["storage"]
	if len(middleware) != 1 || middleware[0].Name != "cloudfront" || middleware[0].Options["duration"] != "1200s" {
		t.Errorf("middleware %#v", middleware)
	}
}
