package namespaces

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFree(t *testing.T) {
	reserved := map[string]int{"kept": 1}
	for name, c := range map[string]struct {
		namespace string
		taken     map[int]string
		want      int
		fails     bool
	}{
		"the first block": {"a", nil, 0, false},
		"the lowest that is neither taken nor kept": {"a", map[int]string{0: "b", 2: "c"}, 3, false},
		"the one that is kept for it":               {"kept", map[int]string{0: "b"}, 1, false},
		"the one it was given before":               {"a", map[int]string{0: "b", 2: "a"}, 2, false},
		"none, if someone has the kept one":         {"kept", map[int]string{1: "thief"}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := free(c.namespace, c.taken, reserved)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestAnnotations(t *testing.T) {
	got := annotations(64)
	if got[SupplementalGroups] != "1000640000/10000" || got[UIDRange] != "1000640000/10000" {
		t.Errorf("got %v", got)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Annotations: got}}
	if block, ok := blockOf(ns); !ok || block != 64 {
		t.Errorf("read back as block %d, %v", block, ok)
	}
}

func TestEachBlockHasALevelOfItsOwn(t *testing.T) {
	seen := map[string]int{}
	for block := range 3000 {
		l := level(block)
		if other, ok := seen[l]; ok {
			t.Fatalf("blocks %d and %d both have %s", other, block, l)
		}
		seen[l] = block
	}
	if level(0) != "s0:c1,c0" || level(1) != "s0:c2,c0" || level(2) != "s0:c2,c1" {
		t.Errorf("got %s %s %s", level(0), level(1), level(2))
	}
}
