package apply

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestBehind(t *testing.T) {
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	conflict, exists := apierrors.NewConflict(resource, "a", errors.New("newer")), apierrors.NewAlreadyExists(resource, "a")
	for _, tc := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a conflict", conflict, true},
		{"an object made meanwhile", exists, true},
		{"one that is wrapped", fmt.Errorf("writing: %w", exists), true},
		{"another answer", apierrors.NewNotFound(resource, "a"), false},
		{"no answer", errors.New("connection refused"), false},
	} {
		if got := Behind(tc.err); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
	var patience Patience
	for range 2 {
		for range MaxBehind {
			if !patience.Behind(conflict) {
				t.Fatal("no patience left too soon")
			}
		}
		if patience.Behind(conflict) {
			t.Error("a cache that stays behind is no error")
		}
		if patience.Behind(nil) {
			t.Error("no error says that the cache is behind")
		}
	}
}
