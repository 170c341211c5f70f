package versionoperator

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// containersOf finds the containers of a workload's pods, init containers included.
func containersOf(object map[string]any) []map[string]any {
	pod, found, err := unstructured.NestedFieldNoCopy(object, "spec", "template", "spec")
	if !found || err != nil {
		return nil
	}
	spec, ok := pod.(map[string]any)
	if !ok {
		return nil
	}
	var out []map[string]any
	for _, field := range []string{"initContainers", "containers"} {
		list, _ := spec[field].([]any)
		for _, item := range list {
			if c, ok := item.(map[string]any); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

// injectProxy sets the proxy variables in the containers that the object's annotation names.
func injectProxy(obj *unstructured.Unstructured, proxy configv1.ProxyStatus) error {
	names, ok := obj.GetAnnotations()[injectProxyAnnotation]
	if !ok {
		return nil
	}
	containers := containersOf(obj.Object)
	for name := range strings.SplitSeq(names, ",") {
		at := slices.IndexFunc(containers, func(c map[string]any) bool { return c["name"] == name })
		if at < 0 {
			return fmt.Errorf("annotation %s: no container %q", injectProxyAnnotation, name)
		}
		for _, v := range []struct{ name, value string }{
			{"HTTP_PROXY", proxy.HTTPProxy}, {"HTTPS_PROXY", proxy.HTTPSProxy}, {"NO_PROXY", proxy.NoProxy},
		} {
			if v.value != "" {
				setEnv(containers[at], v.name, v.value)
			}
		}
	}
	return nil
}

func setEnv(container map[string]any, name, value string) {
	variable := map[string]any{"name": name, "value": value}
	env, _ := container["env"].([]any)
	for i, item := range env {
		if existing, ok := item.(map[string]any); ok && existing["name"] == name {
			env[i] = variable
			return
		}
	}
	container["env"] = append(env, variable)
}

// injectTLS sets the TLS profile of the cluster in every GenericControllerConfig of an annotated ConfigMap.
func injectTLS(obj *unstructured.Unstructured, profile *configv1.TLSSecurityProfile) error {
	if obj.GetAnnotations()[injectTLSAnnotation] != "true" {
		return nil
	}
	data, _, err := unstructured.NestedStringMap(obj.Object, "data")
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	version, suites := tlsSettings(profile)
	found := false
	for key, text := range data {
		var config map[string]any
		if err := yaml.Unmarshal([]byte(text), &config); err != nil || config["kind"] != "GenericControllerConfig" {
			continue // a key for someone else
		}
		if config["apiVersion"] != configv1.GroupVersion.String() {
			return fmt.Errorf("data[%s]: GenericControllerConfig of %v, must be of %s", key, config["apiVersion"], configv1.GroupVersion)
		}
		found = true
		if err := unstructured.SetNestedField(config, version, "servingInfo", "minTLSVersion"); err != nil {
			return fmt.Errorf("data[%s]: %w", key, err)
		}
		if err := unstructured.SetNestedStringSlice(config, suites, "servingInfo", "cipherSuites"); err != nil {
			return fmt.Errorf("data[%s]: %w", key, err)
		}
		out, err := yaml.Marshal(config)
		if err != nil {
			return fmt.Errorf("data[%s]: %w", key, err)
		}
		data[key] = string(out)
	}
	if !found {
		return fmt.Errorf("annotation %s: no GenericControllerConfig in the data", injectTLSAnnotation)
	}
	return unstructured.SetNestedStringMap(obj.Object, data, "data")
}

// tlsSettings resolves a profile. Without a usable one it is Intermediate, as everywhere in OpenShift.
func tlsSettings(profile *configv1.TLSSecurityProfile) (version string, suites []string) {
	spec := configv1.TLSProfiles[configv1.TLSProfileIntermediateType]
	if profile != nil {
		if profile.Type == configv1.TLSProfileCustomType && profile.Custom != nil {
			spec = &profile.Custom.TLSProfileSpec
		} else if known := configv1.TLSProfiles[profile.Type]; known != nil {
			spec = known
		}
	}
	return string(spec.MinTLSVersion), ianaNames(spec.Ciphers)
}

// ianaNames translates the OpenSSL names of profiles. Suites that Go cannot serve have no use in a Go program's
// configuration and are left out, as OpenShift does.
func ianaNames(ciphers []string) []string {
	var out []string
	for _, cipher := range ciphers {
		name := cipher
		if !strings.HasPrefix(cipher, "TLS_") {
			name = opensslToIANA[cipher]
		}
		if served(name) {
			out = append(out, name)
		}
	}
	return out
}

func served(name string) bool {
	is := func(suite *tls.CipherSuite) bool { return suite.Name == name }
	return slices.ContainsFunc(tls.CipherSuites(), is) || slices.ContainsFunc(tls.InsecureCipherSuites(), is)
}

// opensslToIANA are the names of the suites that Go knows. Go appends _SHA256 to the ChaCha suites, as IANA does.
var opensslToIANA = map[string]string{
	"ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	"ECDHE-RSA-AES128-GCM-SHA256":   "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	"ECDHE-RSA-AES256-GCM-SHA384":   "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	"ECDHE-RSA-CHACHA20-POLY1305":   "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	"ECDHE-ECDSA-AES128-SHA256":     "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
	"ECDHE-RSA-AES128-SHA256":       "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
	"ECDHE-ECDSA-AES128-SHA":        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	"ECDHE-RSA-AES128-SHA":          "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	"ECDHE-ECDSA-AES256-SHA":        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	"ECDHE-RSA-AES256-SHA":          "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	"AES128-GCM-SHA256":             "TLS_RSA_WITH_AES_128_GCM_SHA256",
	"AES256-GCM-SHA384":             "TLS_RSA_WITH_AES_256_GCM_SHA384",
	"AES128-SHA256":                 "TLS_RSA_WITH_AES_128_CBC_SHA256",
	"AES128-SHA":                    "TLS_RSA_WITH_AES_128_CBC_SHA",
	"AES256-SHA":                    "TLS_RSA_WITH_AES_256_CBC_SHA",
	"DES-CBC3-SHA":                  "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
}
