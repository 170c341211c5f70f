package versionoperator

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestIncludes(t *testing.T) {
	const selfManaged, hosted = includePrefix + ProfileSelfManaged, includePrefix + ProfileHypershift
	s := selection{
		profile: ProfileSelfManaged, featureSet: "Default",
		enabled: []string{"ImageRegistry"}, known: []string{"ImageRegistry", "CloudCredential"},
	}
	for name, c := range map[string]struct {
		annotations map[string]string
		want        bool
		fault       string
	}{
		"its profile":                              {map[string]string{selfManaged: "true"}, true, ""},
		"another profile":                          {map[string]string{hosted: "true"}, false, ""},
		"no profile at all":                        {map[string]string{capabilityAnnotation: "ImageRegistry"}, false, "nobody takes it"},
		"a profile nobody knows":                   {map[string]string{selfManaged: "true", includePrefix + "moon": "true"}, false, `"moon" is not known`},
		"a profile that is not true":               {map[string]string{selfManaged: "yes"}, false, `must be "true"`},
		"an enabled capability":                    {map[string]string{selfManaged: "true", capabilityAnnotation: "ImageRegistry"}, true, ""},
		"a disabled capability":                    {map[string]string{selfManaged: "true", capabilityAnnotation: "CloudCredential"}, false, ""},
		"two capabilities, one disabled":           {map[string]string{selfManaged: "true", capabilityAnnotation: "ImageRegistry+CloudCredential"}, false, ""},
		"a capability nobody knows":                {map[string]string{selfManaged: "true", capabilityAnnotation: "ImageRegistry+Flying"}, false, `"Flying" is not known`},
		"its feature set":                          {map[string]string{selfManaged: "true", featureSet: "Default,TechPreviewNoUpgrade"}, true, ""},
		"another feature set":                      {map[string]string{selfManaged: "true", featureSet: "TechPreviewNoUpgrade"}, false, ""},
		"an instruction nobody knows":              {map[string]string{selfManaged: "true", releasePrefix + "feature-gate": "X"}, false, "feature-gate is not known"},
		"an exclusion":                             {map[string]string{selfManaged: "true", excludePrefix + "x": "true"}, false, "is not known"},
		"an injection nobody knows":                {map[string]string{selfManaged: "true", injectPrefix + "coffee": "true"}, false, "inject-coffee is not known"},
		"proxies into something without processes": {map[string]string{selfManaged: "true", injectProxyAnnotation: "x"}, false, "only a Deployment"},
		"create-only and delete at once":           {map[string]string{selfManaged: "true", createOnly: "true", deleteManifest: "true"}, false, "both"},
		"create-only that is not true":             {map[string]string{selfManaged: "true", createOnly: "false"}, false, `must be "true"`},
		"annotations for others":                   {map[string]string{selfManaged: "true", "example.test/x": "y"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap"}}
			obj.SetAnnotations(c.annotations)
			got, err := s.includes(obj)
			if got != c.want {
				t.Errorf("included: %v", got)
			}
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}
