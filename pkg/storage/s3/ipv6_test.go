package s3

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Endpoints with an IPv6 address are written in brackets, as in every URL.
func TestEndpointsOnIPv6(t *testing.T) {
	for name, tc := range map[string]struct {
		given    string
		virtual  bool
		endpoint string
		wrong    string
	}{
		"an address with a port":                           {given: "https://[fd00::9]:9000", endpoint: "https://[fd00::9]:9000"},
		"an address without a port":                        {given: "http://[fd00::9]", endpoint: "http://[fd00::9]"},
		"an address without a scheme":                      {given: "[fd00::9]:9000", endpoint: "https://[fd00::9]:9000"},
		"an address without brackets":                      {given: "https://fd00::9:9000", wrong: "is not a URL"},
		"an address cannot have the bucket before it":      {given: "https://[fd00::9]:9000", virtual: true, wrong: "virtualHostedStyle"},
		"an IPv4 address cannot have the bucket before it": {given: "https://192.0.2.9:9000", virtual: true, wrong: "virtualHostedStyle"},
		"a name can": {given: "https://s3.example.com", virtual: true, endpoint: "https://s3.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			e := effectiveConfig(&imageregistryv1.ImageRegistryConfigStorageS3{
				Bucket: "b", Region: "r", RegionEndpoint: tc.given, VirtualHostedStyle: tc.virtual,
			}, cluster{})
			err := e.validate()
			if tc.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wrong) {
					t.Errorf("validate() = %v, want an error with %q", err, tc.wrong)
				}
				return
			}
			if err != nil || e.endpoint() != tc.endpoint {
				t.Errorf("endpoint %q, error %v, want %q", e.endpoint(), err, tc.endpoint)
			}
			for _, variable := range environment(&e.ImageRegistryConfigStorageS3) {
				if variable.Name != "REGISTRY_STORAGE_S3_REGIONENDPOINT" {
					continue
				}
				text, err := storage.RenderEnv(variable)
				var read string
				if decoded := yaml.Unmarshal([]byte(text), &read); err != nil || decoded != nil || read != tc.given {
					t.Errorf("the registry reads %q from %q: %v %v", read, text, err, decoded)
				}
			}
		})
	}
}
