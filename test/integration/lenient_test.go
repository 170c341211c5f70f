package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// rawConfig is Config as the API server has it, which may be more than Go's types can hold.
var rawConfig = documented["config"]

// TestValuesThatOnlyTheSchemaKnows: the schema admits durations and quantities that nobody else understands. The conditions
// name the field, the registry stays as it was, all else is looked after, and an operator that starts on such a Config
// works as well.
func TestValuesThatOnlyTheSchemaKnows(t *testing.T) {
	for _, test := range []struct{ name, edit, undo, field string }{
		{"a duration in days", `{"requests":{"read":{"maxWaitInQueue":"1d"}}}`, `{"requests":null}`, "spec.requests.read.maxWaitInQueue: "},
		{"a quantity that is none", `{"resources":{"requests":{"cpu":"1e1.5"}}}`, `{"resources":null}`, "spec.resources.requests.cpu: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			onEmptyDir(t)
			before := read(t, deployment, []string{"metadata", "generation"})
			editRaw(t, test.edit)
			wants := []library.Want{
				{Type: names.Degraded, Status: "True", Reason: names.ReasonVerificationFailed, Message: test.field},
				{Type: names.Progressing, Status: "False", Reason: names.ReasonError, Message: test.field},
				{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			}
			untilRawConfig(t, wants...)
			restartOperator(t)
			// What it says after the restart must be its own words: the route shows that it has read this Config.
			editRaw(t, `{"defaultRoute":true}`)
			cluster.Until(t, settle, "the default route", func(ctx context.Context) error {
				_, err := defaultRoute.client().Get(ctx, defaultRoute.name, metav1.GetOptions{})
				return err
			})
			untilRawConfig(t, wants...)
			if after := read(t, deployment, []string{"metadata", "generation"}); after != before {
				t.Errorf("the bad edit changed the deployment: generation %s, was %s", after, before)
			}
			editRaw(t, test.undo)
			cluster.UntilAvailable(t, settle)
		})
	}
}

func restartOperator(t *testing.T) {
	t.Helper()
	if err := operator.Stop(); err != nil {
		t.Fatalf("the operator ended with %v\n%s", err, operator.Tail(20))
	}
	startOperator(t)
}

// editRaw merges into the spec of Config.
func editRaw(t *testing.T, spec string) {
	t.Helper()
	if _, err := rawConfig.client().Patch(t.Context(), rawConfig.name, types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{}); err != nil {
		t.Fatalf("editing config: %v", err)
	}
}

func untilRawConfig(t *testing.T, wants ...library.Want) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprint("a config with ", wants), func(ctx context.Context) error {
		live, err := rawConfig.client().Get(ctx, rawConfig.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(live.Object["status"])
		if err != nil {
			return err
		}
		var status imageregistryv1.ImageRegistryStatus
		if err := json.Unmarshal(encoded, &status); err != nil {
			return err
		}
		return library.Matches(status.Conditions, wants...)
	})
}
