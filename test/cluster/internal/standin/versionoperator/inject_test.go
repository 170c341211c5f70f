package versionoperator

import (
	"slices"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestInjectProxy(t *testing.T) {
	release, err := Load("testdata/release")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		container string
		proxy     configv1.ProxyStatus
		want      map[string]any
		fault     string
	}{
		"all three": {
			"demo-operator",
			configv1.ProxyStatus{HTTPProxy: "a", HTTPSProxy: "b", NoProxy: "c"},
			map[string]any{"HTTP_PROXY": "a", "HTTPS_PROXY": "b", "NO_PROXY": "c"},
			"",
		},
		"only what is set":              {"demo-operator", configv1.ProxyStatus{HTTPProxy: "a"}, map[string]any{"HTTP_PROXY": "a"}, ""},
		"nothing without a proxy":       {"demo-operator", configv1.ProxyStatus{}, nil, ""},
		"a container that is not there": {"other", configv1.ProxyStatus{}, nil, `no container "other"`},
	} {
		t.Run(name, func(t *testing.T) {
			obj := find(t, release, "07-deployment.yaml")
			annotations := obj.GetAnnotations()
			annotations[injectProxyAnnotation] = c.container
			obj.SetAnnotations(annotations)
			err := injectProxy(obj, c.proxy)
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Fatalf("got %v, want %q", err, c.fault)
			}
			env := envOf(containersOf(obj.Object)[0])
			for _, variable := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
				if env[variable] != c.want[variable] {
					t.Errorf("%s is %v, want %v", variable, env[variable], c.want[variable])
				}
			}
			if env["RELEASE_VERSION"] != "4.22.1" {
				t.Errorf("other variables are lost: %v", env)
			}
		})
	}
}

func TestTLSSettings(t *testing.T) {
	intermediate := []string{
		"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	}
	custom := &configv1.CustomTLSProfile{TLSProfileSpec: configv1.TLSProfileSpec{
		MinTLSVersion: configv1.VersionTLS11, Ciphers: []string{"TLS_AES_128_CCM_SHA256", "ECDHE-RSA-AES256-SHA384", "AES128-SHA", "NONSENSE"},
	}}
	for name, c := range map[string]struct {
		profile *configv1.TLSSecurityProfile
		version string
		suites  []string
	}{
		"none is Intermediate":           {nil, "VersionTLS12", intermediate},
		"Intermediate":                   {&configv1.TLSSecurityProfile{Type: configv1.TLSProfileIntermediateType}, "VersionTLS12", intermediate},
		"an unknown one is Intermediate": {&configv1.TLSSecurityProfile{Type: "Odd"}, "VersionTLS12", intermediate},
		"Custom without content is too":  {&configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType}, "VersionTLS12", intermediate},
		"Modern":                         {&configv1.TLSSecurityProfile{Type: configv1.TLSProfileModernType}, "VersionTLS13", intermediate[:3]},
		"Custom drops what Go cannot serve": {
			&configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType, Custom: custom}, "VersionTLS11", []string{"TLS_RSA_WITH_AES_128_CBC_SHA"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			version, suites := tlsSettings(c.profile)
			if version != c.version || !slices.Equal(suites, c.suites) {
				t.Errorf("got %s %v", version, suites)
			}
		})
	}
	if version, suites := tlsSettings(&configv1.TLSSecurityProfile{Type: configv1.TLSProfileOldType}); version != "VersionTLS10" || len(suites) != 21 {
		t.Errorf("Old: %s with %d suites, want 21", version, len(suites))
	}
}

func TestInjectTLS(t *testing.T) {
	release, err := Load("testdata/release")
	if err != nil {
		t.Fatal(err)
	}
	var obj *unstructured.Unstructured
	for _, m := range release.Manifests {
		if m.Object.GetName() == "demo-config" {
			obj = m.Object
		}
	}
	if err := injectTLS(obj, &configv1.TLSSecurityProfile{Type: configv1.TLSProfileModernType}); err != nil {
		t.Fatal(err)
	}
	data, _, _ := unstructured.NestedStringMap(obj.Object, "data")
	var config configv1.GenericControllerConfig
	if err := yaml.UnmarshalStrict([]byte(data["config.yaml"]), &config); err != nil {
		t.Fatal(err)
	}
	if config.ServingInfo.MinTLSVersion != "VersionTLS13" || len(config.ServingInfo.CipherSuites) != 3 || config.ServingInfo.BindAddress != ":60000" {
		t.Errorf("got %+v", config.ServingInfo)
	}
	if data["notes.txt"] != "not a configuration" {
		t.Errorf("another key was changed: %q", data["notes.txt"])
	}
	_ = unstructured.SetNestedStringMap(obj.Object, map[string]string{"a": "b"}, "data")
	if err := injectTLS(obj, nil); err == nil {
		t.Error("an annotated ConfigMap without a configuration was accepted")
	}
}
