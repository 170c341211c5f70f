package operatorclient

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

const manager = "TestController"

var (
	longAgo = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	now     = metav1.NewTime(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
)

func condition(conditionType string, status operatorv1.ConditionStatus, reason string) operatorv1.OperatorCondition {
	return operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, LastTransitionTime: longAgo}
}

// storedConfig has a condition A and a generation, both ours by managedFields, and a condition B of somebody else.
func storedConfig() *imageregistryv1.Config {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster", UID: "u"}}
	config.Status.ObservedGeneration = 3
	config.Status.Conditions = []operatorv1.OperatorCondition{condition("A", "True", "Fine"), condition("B", "True", "Theirs")}
	config.Status.Generations = []operatorv1.GenerationStatus{{Group: "apps", Resource: "deployments", Namespace: "n", Name: "d", LastGeneration: 7}}
	config.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "other", Operation: "Apply", Subresource: "status", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:status":{"f:conditions":{"k:{\"type\":\"B\"}":{".":{},"f:type":{}}}}}`)}},
		{Manager: manager, Operation: "Update", Subresource: "status", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:status":{"f:readyReplicas":{}}}`)}},
		{Manager: manager, Operation: "Apply", Subresource: "status", FieldsV1: &metav1.FieldsV1{Raw: []byte(
			`{"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}},` +
				`"f:generations":{"k:{\"group\":\"apps\",\"name\":\"d\",\"namespace\":\"n\",\"resource\":\"deployments\"}":{".":{}}},"f:observedGeneration":{}}}`,
		)}},
	}
	return config
}

func TestCovers(t *testing.T) {
	generation := operatorv1.GenerationStatus{Group: "apps", Resource: "deployments", Namespace: "n", Name: "d", LastGeneration: 7}
	same := Status{
		Conditions:         []operatorv1.OperatorCondition{condition("A", "True", "Fine")},
		Generations:        []operatorv1.GenerationStatus{generation},
		ObservedGeneration: ptr.To[int64](3),
	}
	tests := map[string]struct {
		change func(*Status)
		want   bool
	}{
		"the same status needs no write":                        {func(*Status) {}, true},
		"a new reason needs a write":                            {func(s *Status) { s.Conditions[0].Reason = "Other" }, false},
		"a new condition needs a write":                         {func(s *Status) { s.Conditions = append(s.Conditions, condition("C", "True", "")) }, false},
		"a condition left out needs a write":                    {func(s *Status) { s.Conditions = nil }, false},
		"a foreign condition taken over needs a write":          {func(s *Status) { s.Conditions = append(s.Conditions, condition("B", "True", "Theirs")) }, false},
		"a new generation needs a write":                        {func(s *Status) { s.Generations[0].LastGeneration = 8 }, false},
		"a generation left out needs a write":                   {func(s *Status) { s.Generations = nil }, false},
		"a new observed generation needs a write":               {func(s *Status) { s.ObservedGeneration = ptr.To[int64](4) }, false},
		"an observed generation left out needs a write":         {func(s *Status) { s.ObservedGeneration = nil }, false},
		"ready replicas that an update set are not yet applied": {func(s *Status) { s.ReadyReplicas = ptr.To[int32](0) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := storedConfig()
			status := Status{
				Conditions: append([]operatorv1.OperatorCondition(nil), same.Conditions...), Generations: append([]operatorv1.GenerationStatus(nil), same.Generations...),
				ObservedGeneration: same.ObservedGeneration,
			}
			test.change(&status)
			owned, err := ownedStatus(config, manager)
			if err != nil {
				t.Fatal(err)
			}
			if got := owned.covers(config, status); got != test.want {
				t.Errorf("covers = %v, want %v; owned %+v", got, test.want, owned)
			}
		})
	}
}

func TestWithTransitionTimes(t *testing.T) {
	got := withTransitionTimes(storedConfig().Status.Conditions, []operatorv1.OperatorCondition{
		{Type: "A", Status: "True", Reason: "New"}, {Type: "B", Status: "False"}, {Type: "C", Status: "True"},
	}, now)
	want := []operatorv1.OperatorCondition{
		{Type: "A", Status: "True", Reason: "New", LastTransitionTime: longAgo},
		{Type: "B", Status: "False", LastTransitionTime: now},
		{Type: "C", Status: "True", LastTransitionTime: now},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("only a change of status moves the time (-want +got):\n%s", diff)
	}
}

func TestApplyBodySendsEmptyReasonsAndTheUID(t *testing.T) {
	body, err := json.Marshal(applyBody(storedConfig(), Status{Conditions: []operatorv1.OperatorCondition{{Type: "A", Status: "True", LastTransitionTime: now}}}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"imageregistry.operator.openshift.io/v1","kind":"Config","metadata":{"name":"cluster","uid":"u"},` +
		`"status":{"conditions":[{"lastTransitionTime":"2026-01-02T00:00:00Z","message":"","reason":"","status":"True","type":"A"}]}}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("apply document (-want +got):\n%s", diff)
	}
}

func TestHasStatus(t *testing.T) {
	tests := map[string]struct {
		change func(*imageregistryv1.Config)
		want   bool
	}{
		"a new object has none": {func(c *imageregistryv1.Config) {
			c.Status, c.ManagedFields = imageregistryv1.ImageRegistryStatus{}, nil
		}, false},
		"an empty one is known by who wrote it":      {func(c *imageregistryv1.Config) { c.Status = imageregistryv1.ImageRegistryStatus{} }, true},
		"content is enough after managedFields went": {func(c *imageregistryv1.Config) { c.ManagedFields = nil }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := storedConfig()
			test.change(config)
			if got := HasStatus(config); got != test.want {
				t.Errorf("HasStatus %v, want %v", got, test.want)
			}
		})
	}
}
