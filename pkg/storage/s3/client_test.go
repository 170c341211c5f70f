package s3

import (
	"net/http"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestClientEndpoints(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		spec                 s3Spec
		endpoint             string
		pathStyle, dualStack bool
	}{
		{"Amazon, dual stack and virtual hosted", s3Spec{Region: "us-east-1"}, "", false, true},
		{"Amazon, isolated", s3Spec{Region: "us-iso-east-1"}, "", false, false},
		{"an endpoint is path style", s3Spec{Region: "r", RegionEndpoint: "https://e"}, "https://e", true, false},
		{"an endpoint without scheme is https", s3Spec{Region: "r", RegionEndpoint: "e:9000"}, "https://e:9000", true, false},
		{"an endpoint may be virtual hosted", s3Spec{Region: "r", RegionEndpoint: "https://e", VirtualHostedStyle: true}, "https://e", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, err := newClient(clientConfig{effective: effective{tt.spec}, credentials: "[default]\naws_access_key_id=a\naws_secret_access_key=b\n"}, &http.Transport{})
			if err != nil {
				t.Fatal(err)
			}
			o := client.Options()
			endpoint := ""
			if o.BaseEndpoint != nil {
				endpoint = *o.BaseEndpoint
			}
			if endpoint != tt.endpoint || o.UsePathStyle != tt.pathStyle || (o.EndpointOptions.UseDualStackEndpoint == 1) != tt.dualStack {
				t.Errorf("endpoint %q, path style %t, dual stack %d", endpoint, o.UsePathStyle, o.EndpointOptions.UseDualStackEndpoint)
			}
		})
	}
}

func TestOneClientPerConfiguration(t *testing.T) {
	s := newScript(t, nil)
	driver := Driver(Options{})
	client := func(in storage.Inputs) any {
		b, err := driver.New(in)
		if err != nil {
			t.Fatal(err)
		}
		return b.(*backend).client
	}
	first := client(s.inputs("one"))
	if client(s.inputs("two")) != first {
		t.Error("another bucket makes another client")
	}
	in := s.inputs("one")
	in.MintedSecret = opaque("s", map[string]string{mintedAccessKey: "AKIAX", mintedSecretKey: "other"})
	if client(in) == first {
		t.Error("other credentials use the old client")
	}
}
