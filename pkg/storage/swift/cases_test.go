package swift

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// TestImages pushes through a registry that is configured as the operator renders it. Distribution's driver knows a user
// with a password and no other credentials; OpenShift's registry takes the rest.
func TestImages(t *testing.T) {
	s := startServer(t)
	d := driver(t)
	in, result := managed(t, d, s.inputs(t, ""))
	settings, err := d.Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	name := result.Coordinates.Swift.Container
	storagetest.Images(t, settings, storagetest.RegistryOptions{
		BinaryVariable: "REGISTRY2_BINARY",
		CA:             s.ca,
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			return slices.Contains(s.objects(t, name), "files"+path)
		},
	})
	if !slices.ContainsFunc(s.objects(t, name), func(object string) bool { return strings.HasPrefix(object, "segments/") }) {
		t.Error("the registry left no segments: the removal below shows nothing")
	}
	removed(t, d, in)
	if s.exists(t, name) {
		t.Error("the container is still there")
	}
}

// TestLogins are the ways to log in; each has to find the same container.
func TestLogins(t *testing.T) {
	s := startServer(t)
	s.must(t, http.MethodPut, "/login-container", nil)
	token := func() string {
		response, _ := s.call(t, http.MethodPost, s.admin+"/v3/auth/tokens", strings.NewReader(login), nil)
		return response.Header.Get("X-Subject-Token")
	}
	cloud := func(auth string) func(*storage.Inputs) {
		return func(in *storage.Inputs) {
			in.MintedSecret = minted("cacert", string(s.ca), "clouds.yaml", `clouds: {openstack: {auth: {auth_url: "`+s.endpoint+`/v3", `+auth+`}}}`)
		}
	}
	user := func(pairs ...string) func(*storage.Inputs) {
		return func(in *storage.Inputs) {
			in.UserSecret = secret(names.PrivateConfigurationUser, pairs...)
			in.Coordinates.Swift.AuthURL, in.Coordinates.Swift.Tenant, in.Coordinates.Swift.DomainID = s.endpoint, "images", "default"
		}
	}
	for name, with := range map[string]func(*storage.Inputs){
		"project by id, domain by id": cloud(`username: registry, password: main-secret, project_id: id-of-images, user_domain_id: default`),
		"domain by name and id":       cloud(`username: registry, password: main-secret, project_name: images, domain_name: Default, domain_id: default`),
		"application credential": cloud(`application_credential_id: app-1, application_credential_secret: app-secret,
			project_name: images, user_domain_name: Default`),
		"application credential by name": cloud(`application_credential_name: images, application_credential_secret: app-secret,
			username: registry, user_domain_name: Default`),
		"token":                        cloud(`token: ` + token()),
		"the administrator's password": user(keyUsername, "registry\n", keyPassword, "main-secret\n"),
		"the administrator's application credential": user(keyApplicationID, "app-1", keyApplicationName, "images",
			keyApplicationSecret, "app-secret"),
		"the administrator's token": user(keyTokenID, token()),
	} {
		t.Run(name, func(t *testing.T) {
			in := s.inputs(t, "login-container")
			with(&in)
			plan, err := backendOf(t, driver(t), in).Plan(t.Context())
			if err != nil || !plan.Exists {
				t.Errorf("plan: %+v, %v", plan, err)
			}
		})
	}
	for name, test := range map[string]struct{ auth, says string }{
		"no domain":               {`username: registry, password: main-secret, project_name: images`, "no domain"},
		"no user":                 {`password: main-secret, user_domain_name: Default`, "no complete credentials"},
		"no password":             {`username: registry, user_domain_name: Default`, "no complete credentials"},
		"no project":              {`username: registry, password: main-secret, user_domain_name: Default`, "no public endpoint"},
		"no secret of the app":    {`application_credential_id: app-1`, "no complete credentials"},
		"a token that is expired": {`token: gone`, "expired or revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			in := s.inputs(t, "login-container")
			cloud(test.auth)(&in)
			_, err := backendOf(t, driver(t), in).Plan(t.Context())
			var e *storage.Error
			if !errors.As(err, &e) || e.ConditionReason != reasonNoClient || !strings.Contains(e.Message, test.says) {
				t.Errorf("error is %v, want %q", err, test.says)
			}
			if strings.Contains(err.Error(), "main-secret") {
				t.Errorf("the message says too much: %v", err)
			}
		})
	}
}

// TestRegionDecides: the same service in another region is not it.
func TestRegionDecides(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "region-container")
	in.Coordinates.Swift.RegionName = "two"
	_, err := backendOf(t, driver(t), in).Plan(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in region two; check spec.storage.swift.regionName") {
		t.Errorf("error is %v", err)
	}
}

// TestBulkDeletionIsRefused: the container is emptied all the same, one by one.
func TestBulkDeletionIsRefused(t *testing.T) {
	s := startServer(t)
	for name, refusal := range map[string]storagetest.Fault{
		"forbidden":            {Status: 403},
		"unknown to the proxy": {Status: 204},
		"not implemented":      {Status: 501},
		"too much at once":     {Status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			d := driver(t)
			in, result := managed(t, d, s.inputs(t, ""))
			container := result.Coordinates.Swift.Container
			s.fill(t, container, 5)
			s.must(t, http.MethodPut, "/"+container+"/files/50%25%20%C3%A4%3F/a%0Ab", strings.NewReader("odd"))
			refusal.Match = match{Query: "bulk-delete"}
			s.inject(t, refusal)
			removed(t, d, in)
			if s.exists(t, container) {
				t.Error("the container is still there")
			}
		})
	}
}

// TestObjectsThatCannotBeDeleted: the error names the object and what Swift says, and nothing counts as gone.
func TestObjectsThatCannotBeDeleted(t *testing.T) {
	s := startServer(t)
	d := driver(t)
	in, result := managed(t, d, s.inputs(t, ""))
	container := result.Coordinates.Swift.Container
	s.fill(t, container, 3)
	for _, test := range []struct{ answer, says string }{
		{`{"Response Status": "400 Bad Request", "Errors": [["c/files/a%20b", "409 Conflict"]]}`, "c/files/a b cannot be deleted: 409 Conflict"},
		{`{"Response Status": "502 Bad Gateway", "Errors": []}`, "502 Bad Gateway"},
	} {
		t.Run(test.says, func(t *testing.T) {
			s.inject(t, storagetest.Fault{Match: match{Query: "bulk-delete"}, Status: 200, Message: test.answer})
			progress, err := backendOf(t, d, in).Remove(t.Context())
			var e *storage.Error
			if !errors.As(err, &e) || e.Status != "Unknown" || e.ConditionReason != reasonUnknown || !strings.Contains(e.Message, test.says) || progress.Done {
				t.Errorf("%+v, %#v", progress, err)
			}
		})
	}
	// Objects that are gone already are no failure, nor is a container that goes while it is being emptied.
	s.inject(t, storagetest.Fault{Match: match{Method: http.MethodGet, Query: "limit"}, Status: 404, Times: 1})
	if _, err := backendOf(t, d, in).Remove(t.Context()); err != nil {
		t.Error(err)
	}
	removed(t, d, in)
}

// TestCoordinatesStayTheAdministrators: what is merged and normalised goes to the registry and not to spec.
func TestCoordinatesStayTheAdministrators(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	in.Coordinates.Swift.AuthURL = s.endpoint + "/./identity/"
	in, result := managed(t, driver(t), in)
	if got := result.Coordinates.Swift; got.AuthURL != s.endpoint+"/./identity/" || got.Tenant != "" {
		t.Errorf("coordinates are %+v", got)
	}
	if got := string(result.Facts[factAuthURL]); got != s.endpoint+"/identity/v3" {
		t.Errorf("the registry gets %s", got)
	}
	removed(t, driver(t), in)
}
