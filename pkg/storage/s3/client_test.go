package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
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

// tokenService is STS: there is none to run here.
type tokenService struct {
	t      *testing.T
	refuse bool
	calls  int
}

func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls++
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	for name, want := range map[string]string{"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": "the-token", "RoleArn": "arn:aws:iam::1:role/r"} {
		if got := r.Form.Get(name); got != want {
			s.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if s.refuse {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
		<SecretAccessKey>x</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func TestWebIdentity(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("the-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	sts := &tokenService{t: t}
	server := httptest.NewServer(sts)
	defer server.Close()
	s := newScript(t, nil)
	in := s.inputs("bucket")
	in.Infrastructure = awsInfrastructure(configv1.AWSServiceEndpoint{Name: "sts", URL: server.URL})
	in.MintedSecret = opaque(names.CloudCredentials, map[string]string{
		"credentials": "[default]\nsts_regional_endpoints = regional\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = " + token + "\n",
	})
	driver := Driver(Options{})
	plan := func(in storage.Inputs) error {
		b, err := driver.New(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Plan(t.Context())
		return err
	}
	for range 2 {
		if err := plan(in); err != nil {
			t.Fatal(err)
		}
	}
	if sts.calls != 1 {
		t.Errorf("%d calls of STS for two looks", sts.calls)
	}

	sts.refuse = true
	other := in
	other.Version = "another client"
	e := expectFailure(t, plan(other), "False/AccessDenied", "check role_arn")
	if !strings.Contains(e.Message, names.CloudCredentials) {
		t.Errorf("message %q names no secret", e.Message)
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	other.Version = "a third client"
	if e := expectFailure(t, plan(other), "Unknown/Unknown Error Occurred", "token file"); e.Permanent {
		t.Error("a missing token is permanent")
	}
}
