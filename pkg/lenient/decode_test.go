package lenient

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func untyped(spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "imageregistry.operator.openshift.io/v1", "kind": "ImagePruner",
		"metadata": map[string]any{"name": "cluster", "generation": int64(4), "annotations": map[string]any{names.UndecodableAnnotation: "not ours"}},
		"spec":     spec,
		"status":   map[string]any{"observedGeneration": int64(3)},
	}}
}

func TestDecodeLeavesOutWhatItCannotUnderstand(t *testing.T) {
	raw := untyped(map[string]any{
		"schedule": "@daily", "keepTagRevisions": int64(5),
		"keepYoungerThanDuration": "1d",
		"tolerations":             []any{map[string]any{"key": "a", "tolerationSeconds": "soon"}},
		"resources":               map[string]any{"requests": map[string]any{"cpu": "1e1.5", "memory": "1Mi"}},
	})
	got, err := Decode[imageregistryv1.ImagePruner](raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.Schedule != "@daily" || *got.Spec.KeepTagRevisions != 5 || got.Spec.KeepYoungerThanDuration != nil {
		t.Errorf("spec %+v", got.Spec)
	}
	if memory := got.Spec.Resources.Requests.Memory().String(); memory != "1Mi" || len(got.Spec.Resources.Requests) != 1 {
		t.Errorf("resources %+v, want the memory and nothing else", got.Spec.Resources)
	}
	if len(got.Spec.Tolerations) != 1 || got.Spec.Tolerations[0].Key != "a" {
		t.Errorf("tolerations %+v", got.Spec.Tolerations)
	}
	if got.Name != "cluster" || got.Generation != 4 || got.Status.ObservedGeneration != 3 {
		t.Errorf("the rest is lost: %+v", got)
	}
	problems := Problems(got)
	for field, want := range map[string]string{
		"keepYoungerThanDuration": `unknown unit "d"`, "resources.requests.cpu": "", "tolerations[0].tolerationSeconds": "a string cannot be used here",
	} {
		if text, found := problems[field]; !found || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", field, text, want)
		}
	}
	if len(problems) != 3 {
		t.Errorf("problems %v", problems)
	}
	if raw.Object["spec"].(map[string]any)["keepYoungerThanDuration"] != "1d" {
		t.Error("the object that was decoded has been changed")
	}
}

func TestDecodeOfAGoodObjectAddsNothing(t *testing.T) {
	got, err := Decode[imageregistryv1.ImagePruner](untyped(map[string]any{"schedule": "", "keepYoungerThanDuration": "24h", "suspend": true}))
	if err != nil {
		t.Fatal(err)
	}
	want := imageregistryv1.ImagePrunerSpec{Suspend: ptr.To(true), KeepYoungerThanDuration: &metav1.Duration{Duration: 24 * time.Hour}}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if len(got.Annotations) > 0 || len(Problems(got)) > 0 {
		t.Errorf("annotations %v", got.Annotations)
	}
}

func TestDecodeRefusesWhatIsBrokenBesideTheSpec(t *testing.T) {
	raw := untyped(map[string]any{})
	raw.Object["status"] = map[string]any{"observedGeneration": "three"}
	if got, err := Decode[imageregistryv1.ImagePruner](raw); err == nil {
		t.Errorf("decoded %+v", got)
	}
}
