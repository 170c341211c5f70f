package credentials

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const good = `
spec:
  secretRef: {name: s, namespace: ns}
  serviceAccountNames: [a]
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - {effect: Allow, action: ["s3:GetObject"], resource: "*"}
`

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"a request for AWS":                       {"", "", ""},
		"one of another cloud is not looked into": {"AWSProviderSpec", "GCPProviderSpec", ""},
		"a cloud nobody knows":                    {"AWSProviderSpec", "MoonProviderSpec", `"MoonProviderSpec" is not known`},
		"another API":                             {"openshift.io/v1", "openshift.io/v2", "apiVersion"},
		"an unknown field of the spec":            {"serviceAccountNames", "serviceAccountNamez", `unknown field "serviceAccountNamez"`},
		"an unknown field of a statement":         {"resource:", "resourcez:", `unknown field "resourcez"`},
		"a statement that denies":                 {"Allow", "Deny", "is not Allow"},
		"an action without a service":             {"s3:GetObject", "GetObject", "is not service:Action"},
		"nowhere to write to":                     {"{name: s, namespace: ns}", "{name: s}", "secretRef"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(strings.Replace(good, c.from, c.to, 1)), &obj.Object); err != nil {
				t.Fatal(err)
			}
			got, err := parse(obj)
			switch {
			case c.want == "" && (err != nil || got.secret.Name != "s" || got.secret.Namespace != "ns"):
				t.Errorf("got %+v, %v", got, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAWS(t *testing.T) {
	data := AWS("id", "key")
	if string(data["aws_access_key_id"]) != "id" || string(data["aws_secret_access_key"]) != "key" {
		t.Errorf("got %q", data)
	}
	if want := "[default]\naws_access_key_id = id\naws_secret_access_key = key\n"; string(data["credentials"]) != want {
		t.Errorf("credentials file %q", data["credentials"])
	}
}
