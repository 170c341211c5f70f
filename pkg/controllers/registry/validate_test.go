package registry

import (
	"errors"
	"strings"
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
)

func TestValidate(t *testing.T) {
	routes := func(list ...string) func(*world) {
		return spec(func(s *imageRegistrySpec) {
			for _, name := range list {
				s.Routes = append(s.Routes, imageregistryv1.ImageRegistryConfigRoute{Name: name})
			}
		})
	}
	observed := func(text string) func(*world) {
		return spec(func(s *imageRegistrySpec) { s.ObservedConfig = raw(text) })
	}
	overriding := func(text string) func(*world) {
		return spec(func(s *imageRegistrySpec) { s.UnsupportedConfigOverrides = raw(text) })
	}
	for _, tc := range []struct {
		name         string
		edit         func(*world)
		reason, text string
	}{
		{"a good spec", func(*world) {}, "", ""},
		{"everything set", everything, "", ""},
		{"zero replicas", spec(func(s *imageRegistrySpec) { s.Replicas = 0 }), "", ""},
		{"negative replicas", spec(func(s *imageRegistrySpec) { s.Replicas = -1 }), "VerificationFailed", "replicas must be greater than or equal to 0"},
		{"no image", func(w *world) { w.image = "" }, "VerificationFailed", "environment variable IMAGE"},
		{"two routes", routes("a", "b"), "", ""},
		{"duplicate route", routes("a", "b", "a"), "VerificationFailed", "duplicate names in additional routes: a;"},
		{"the reserved route", routes("default-route"), "VerificationFailed", "duplicate names in additional routes: default-route;"},
		{"an empty route name", routes(""), "VerificationFailed", `spec.routes[0].name: "" is not a valid route name`},
		{"a bad route name", routes("a", "A_B"), "VerificationFailed", `spec.routes[1].name: "A_B" is not a valid route name`},
		{"negative read limit", spec(func(s *imageRegistrySpec) { s.Requests.Read.MaxRunning = -1 }), "InvalidRequestLimits", "spec.requests.read.maxRunning is -1"},
		{"negative limits, all named", spec(func(s *imageRegistrySpec) { s.Requests.Read.MaxInQueue, s.Requests.Write.MaxInQueue = -1, -2 }), "InvalidRequestLimits", "spec.requests.read.maxInQueue is -1, spec.requests.write.maxInQueue is -2"},
		{"negative write limit", spec(func(s *imageRegistrySpec) { s.Requests.Write.MaxRunning = -3 }), "InvalidRequestLimits", "spec.requests.write.maxRunning is -3"},
		{"TLS that does not decode", observed(`{"servingInfo":`), "InvalidTLSSettings", "decoding spec.observedConfig"},
		{"TLS of the wrong type", observed(`{"servingInfo":{"cipherSuites":"a"}}`), "InvalidTLSSettings", "decoding spec.observedConfig"},
		{"unknown TLS version", observed(`{"servingInfo":{"minTLSVersion":"VersionTLS99"}}`), "InvalidTLSSettings", "VersionTLS99"},
		{"unknown TLS suite", observed(`{"servingInfo":{"cipherSuites":["NOPE"]}}`), "InvalidTLSSettings", "NOPE"},
		{"overrides that do not decode", overriding(`[]`), "InvalidConfigOverrides", "decoding spec.unsupportedConfigOverrides"},
		{"an override that is no annotation", overriding(`{"deployment":{"annotations":{"a b":"c"}}}`), "InvalidConfigOverrides", "spec.unsupportedConfigOverrides.deployment.annotations"},
		{"null overrides", overriding(`null`), "", ""},
		{"overrides of something else", overriding(`{"other":{"annotations":1}}`), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Validate(newWorld(tc.edit).inputs())
			if tc.reason == "" {
				if err != nil {
					t.Fatalf("got %v", err)
				}
				return
			}
			var permanent *conditions.PermanentError
			if !errors.As(err, &permanent) || permanent.Reason != tc.reason || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %s with %q", err, tc.reason, tc.text)
			}
		})
	}
}
