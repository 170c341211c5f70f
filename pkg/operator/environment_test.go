package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
)

func TestEnvironmentFrom(t *testing.T) {
	full := map[string]string{
		"RELEASE_VERSION": "4.22.1", "OPERATOR_IMAGE_VERSION": "4.22.0", "IMAGE": "registry:1", "IMAGE_PRUNER": "cli:1", "OPERATOR_IMAGE": "operator:1",
		"AZURE_ENVIRONMENT_FILEPATH": "/tmp/stack.json", "MANAGED_AZURE_HCP_CREDENTIALS_FILE_PATH": "/tmp/identity.json",
	}
	for _, tc := range []struct {
		name    string
		without []string
		want    Environment
		wantErr []string
	}{
		{
			name: "every variable is taken",
			want: Environment{ReleaseVersion: "4.22.1", ImageVersion: "4.22.0", RegistryImage: "registry:1", PrunerImage: "cli:1", OperatorImage: "operator:1", AzureEnvironmentFile: "/tmp/stack.json", AzureIdentityFile: "/tmp/identity.json"},
		},
		{
			name: "every missing variable is named", without: []string{"IMAGE", "IMAGE_PRUNER", "OPERATOR_IMAGE", "OPERATOR_IMAGE_VERSION", "RELEASE_VERSION"},
			wantErr: []string{"variable IMAGE is not set", "IMAGE_PRUNER is not set", "OPERATOR_IMAGE is not set", "OPERATOR_IMAGE_VERSION is not set", "RELEASE_VERSION is not set"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := EnvironmentFrom(func(name string) string {
				for _, without := range tc.without {
					if name == without {
						return ""
					}
				}
				return full[name]
			})
			if len(tc.wantErr) == 0 {
				if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
					t.Errorf("got error %v and difference\n%s", err, diff)
				}
				return
			}
			for _, want := range tc.wantErr {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
		})
	}
}

func TestReadServing(t *testing.T) {
	defaults := metrics.Serving{Address: ":60000", CertFile: "/etc/secrets/tls.crt", KeyFile: "/etc/secrets/tls.key"}
	for _, tc := range []struct {
		name    string
		content string
		missing bool
		want    func(*metrics.Serving)
		wantErr string
	}{
		{name: "an empty file means defaults", content: ""},
		{name: "an empty address means the default one", content: "servingInfo: {bindAddress: ''}"},
		{
			name:    "the file that is shipped means defaults",
			content: "apiVersion: config.openshift.io/v1\nkind: GenericControllerConfig\nservingInfo:\n  bindAddress: \":60000\"\n",
		},
		{
			name:    "an injected TLS profile is taken, unknown keys are not minded",
			content: "servingInfo: {minTLSVersion: VersionTLS13, cipherSuites: [TLS_AES_128_GCM_SHA256], futureField: 1}\nfuture: {}\n",
			want: func(s *metrics.Serving) {
				s.MinTLSVersion, s.CipherSuites = "VersionTLS13", []string{"TLS_AES_128_GCM_SHA256"}
			},
		},
		{
			name:    "address and files are taken",
			content: "servingInfo: {bindAddress: '127.0.0.1:0', certFile: /a.crt, keyFile: /a.key}",
			want:    func(s *metrics.Serving) { s.Address, s.CertFile, s.KeyFile = "127.0.0.1:0", "/a.crt", "/a.key" },
		},
		{name: "what is no YAML is an error with the file's name", content: "servingInfo: [", wantErr: "config.yaml"},
		{name: "a missing file is an error with its name", missing: true, wantErr: "config.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if !tc.missing {
				if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := readServing(path)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			want := defaults
			if tc.want != nil {
				tc.want(&want)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("got error %v and difference\n%s", err, diff)
			}
		})
	}
	t.Run("no path means defaults", func(t *testing.T) {
		got, err := readServing("")
		if diff := cmp.Diff(defaults, got); diff != "" || err != nil {
			t.Errorf("got error %v and difference\n%s", err, diff)
		}
	})
}
