package operatorclient

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

func TestDroppingGoesFromTheEnd(t *testing.T) {
	config := &imageregistryv1.Config{}
	for _, name := range []string{"A", "B", "C", "D"} {
		config.Status.Conditions = append(config.Status.Conditions, operatorv1.OperatorCondition{Type: name})
	}
	for _, tc := range []struct {
		name  string
		types []string
		want  []Change
	}{
		{"none of the types", []string{"X"}, nil},
		{"one", []string{"B"}, []Change{Remove("/status/conditions/1")}},
		{"several, whatever their order", []string{"A", "X", "D"}, []Change{Remove("/status/conditions/3"), Remove("/status/conditions/0")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, dropping(config, tc.types)); diff != "" {
				t.Errorf("patch (-want +got):\n%s", diff)
			}
		})
	}
}
