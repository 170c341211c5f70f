package storage

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// TestWhatChangesDuringTheAttempt is dealt with at the next sync: the attempt cannot have seen it.
func TestWhatChangesDuringTheAttempt(t *testing.T) {
	trusted := func(text string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: names.UserConfigNamespace, Name: "trusted"}, Data: map[string]string{"ca-bundle.crt": text},
		}
	}
	for name, tc := range map[string]struct {
		meanwhile func(*world)
		want      string
	}{
		"nothing": {func(*world) {}, "[]"},
		"the infrastructure": {func(w *world) {
			changed := infrastructure(configv1.AWSPlatformType)
			changed.Status.PlatformStatus.AWS.ResourceTags = []configv1.AWSResourceTag{{Key: "k", Value: "v"}}
			w.add("infrastructures", changed)
		}, "[plan ensure]"},
		"the trust":            {func(w *world) { w.add("configmaps", trusted("another")) }, "[plan ensure]"},
		"what the driver sees": {func(w *world) { w.cloud.sight = "another" }, "[plan ensure]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config())
			w.add("configmaps", trusted("one"))
			w.cloud.sight, w.cloud.trusts = "one", true
			w.restart()
			w.cloud.during = func() { tc.meanwhile(w) }
			w.mustSync()
			w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
			w.cloud.calls = nil
			w.mustSync()
			w.expect("calls of the next sync", fmt.Sprint(w.cloud.calls), tc.want)
			w.silent()
		})
	}
}

func TestOnceRead(t *testing.T) {
	reads := 0
	read := onceRead(func(namespace, name string) (*corev1.ConfigMap, error) {
		reads++
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, nil
	})
	for _, name := range []string{"a", "a", "b", "a"} {
		if got, err := read("n", name); err != nil || got.Name != name {
			t.Errorf("read %s: %v, %v", name, got, err)
		}
	}
	if reads != 2 {
		t.Errorf("two ConfigMaps were read %d times", reads)
	}
}
