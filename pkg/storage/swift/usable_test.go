package swift

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// TestUsable is the question at bootstrap: no object storage is an answer, anything wrong with the asking is an error.
func TestUsable(t *testing.T) {
	s := startServer(t)
	credentials := func(project, password string) func(*testing.T, *storage.Inputs) {
		return func(_ *testing.T, in *storage.Inputs) {
			in.MintedSecret = minted("clouds.yaml", s.clouds(project, password), "cacert", string(s.ca))
		}
	}
	listing := func(status int) func(*testing.T, *storage.Inputs) {
		return func(t *testing.T, _ *storage.Inputs) {
			s.inject(t, storagetest.Fault{Match: match{Service: "object-store", Method: http.MethodGet, Query: "limit"}, Status: status})
		}
	}
	for name, test := range map[string]struct {
		with   func(*testing.T, *storage.Inputs)
		usable bool
		reason string
	}{
		"there it is":                          {with: credentials("images", "main-secret"), usable: true},
		"under its older type":                 {with: credentials("old", "main-secret"), usable: true},
		"no endpoint in the catalogue":         {with: credentials("bare", "main-secret")},
		"an endpoint, and a role that may not": {with: credentials("reader", "main-secret")},
		"listing is refused with 401":          {with: listing(401)},
		"listing is refused with 403":          {with: listing(403)},
		"listing fails":                        {with: listing(500)},
		"credentials that are wrong":           {with: credentials("images", "wrong"), reason: reasonNoClient},
		"a project that is not ours":           {with: credentials("service", "main-secret"), reason: reasonNoClient},
		"Keystone is down": {
			with: func(t *testing.T, _ *storage.Inputs) {
				s.inject(t, storagetest.Fault{Match: match{Service: "identity"}, Status: 503})
			}, reason: reasonNoClient,
		},
		"a certificate that is not trusted": {
			with: func(_ *testing.T, in *storage.Inputs) {
				in.MintedSecret = minted("clouds.yaml", s.clouds("images", "main-secret"))
			}, reason: reasonNoClient,
		},
		"no credentials yet": {with: func(_ *testing.T, in *storage.Inputs) { in.MintedSecret = nil }, reason: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			in := s.inputs(t, "")
			test.with(t, &in)
			// What the administrator has in spec is not asked about.
			in.Coordinates = storage.Coordinates{}
			usable, err := driver(t).Usable(t.Context(), in)
			if usable != test.usable || (err != nil) != (test.reason != "") {
				t.Fatalf("usable %t, %v; want %t, error %t", usable, err, test.usable, test.reason != "")
			}
			var e *storage.Error
			if err != nil && (!errors.As(err, &e) || test.reason != "-" && e.ConditionReason != test.reason) {
				t.Errorf("error is %#v", err)
			}
		})
	}
}

// TestACatalogueWithoutSwiftIsReadAnew: a login that found no endpoint is none, so that the next call says the same, and works
// when the catalogue has one.
func TestACatalogueWithoutSwiftIsReadAnew(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "somewhere")
	in.MintedSecret = minted("clouds.yaml", s.clouds("bare", "main-secret"), "cacert", string(s.ca))
	b, err := driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{"first", "second"} {
		if _, err := b.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "the catalogue of Keystone") {
			t.Errorf("the %s call: %v", call, err)
		}
	}
}
