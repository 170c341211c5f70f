package credentials

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// request is what a CredentialsRequest asks for.
type request struct {
	kind   string
	secret corev1.ObjectReference
}

// spec mirrors the fields a request may have; an unknown one is an error, because ignoring it would look like granting it.
type spec struct {
	SecretRef           corev1.ObjectReference `json:"secretRef"`
	ServiceAccountNames []string               `json:"serviceAccountNames,omitempty"`
	CloudTokenPath      string                 `json:"cloudTokenPath,omitempty"`
	ProviderSpec        json.RawMessage        `json:"providerSpec"`
	CloudTokenString    string                 `json:"cloudTokenString,omitempty"`
}

type providerSpec struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

type awsProviderSpec struct {
	providerSpec
	StatementEntries []awsStatement `json:"statementEntries"`
	STSIAMRoleARN    string         `json:"stsIAMRoleARN,omitempty"`
}

type awsStatement struct {
	Effect          string         `json:"effect"`
	Action          []string       `json:"action"`
	Resource        string         `json:"resource"`
	PolicyCondition map[string]any `json:"policyCondition,omitempty"`
}

func parse(raw *unstructured.Unstructured) (*request, error) {
	var s spec
	if err := strict(raw.Object["spec"], &s); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	if s.SecretRef.Name == "" || s.SecretRef.Namespace == "" {
		return nil, fmt.Errorf("spec.secretRef: name and namespace are required")
	}
	var p providerSpec
	if err := json.Unmarshal(s.ProviderSpec, &p); err != nil {
		return nil, fmt.Errorf("spec.providerSpec: %w", err)
	}
	if p.APIVersion != apiVersion {
		return nil, fmt.Errorf("spec.providerSpec.apiVersion: %q, must be %s", p.APIVersion, apiVersion)
	}
	if !slices.Contains(knownKinds, p.Kind) {
		return nil, fmt.Errorf("spec.providerSpec.kind: %q is not known", p.Kind)
	}
	if p.Kind == "AWSProviderSpec" {
		if err := checkAWS(s.ProviderSpec); err != nil {
			return nil, fmt.Errorf("spec.providerSpec: %w", err)
		}
	}
	return &request{kind: p.Kind, secret: s.SecretRef}, nil
}

func checkAWS(data []byte) error {
	var aws awsProviderSpec
	if err := strict(json.RawMessage(data), &aws); err != nil {
		return err
	}
	if len(aws.StatementEntries) == 0 {
		return fmt.Errorf("statementEntries: at least one is required")
	}
	for i, entry := range aws.StatementEntries {
		if entry.Effect != "Allow" {
			return fmt.Errorf("statementEntries[%d].effect: %q is not Allow", i, entry.Effect)
		}
		if entry.Resource == "" || len(entry.Action) == 0 {
			return fmt.Errorf("statementEntries[%d]: resource and action are required", i)
		}
		for _, action := range entry.Action {
			if service, verb, ok := strings.Cut(action, ":"); !ok || service == "" || verb == "" {
				return fmt.Errorf("statementEntries[%d].action: %q is not service:Action", i, action)
			}
		}
	}
	return nil
}

// strict decodes and refuses unknown fields.
func strict(value, into any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
