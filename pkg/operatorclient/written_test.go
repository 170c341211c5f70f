package operatorclient

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	imageregistryclient "github.com/openshift/client-go/imageregistry/clientset/versioned/typed/imageregistry/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
)

// patches answers every patch with an object of the version given.
type patches struct {
	imageregistryclient.ConfigInterface
	answer *imageregistryv1.Config
	sent   []string
}

func (p *patches) Patch(_ context.Context, _ string, _ types.PatchType, body []byte, _ metav1.PatchOptions, _ ...string) (*imageregistryv1.Config, error) {
	if !json.Valid(body) {
		panic("not JSON")
	}
	p.sent = append(p.sent, string(body))
	return p.answer, nil
}

func versioned(uid types.UID, version string) *imageregistryv1.Config {
	return &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: "cluster", UID: uid, ResourceVersion: version}}
}

func TestConfigIsTheLatestThatIsKnown(t *testing.T) {
	for _, tc := range []struct {
		name string
		// answer is that of the API server to our write; cached is what the cache shows after it, age later.
		answer, cached *imageregistryv1.Config
		age            time.Duration
		want           string
	}{
		{"a cache that is behind our write gives way to it", versioned("u", "10"), versioned("u", "9"), 0, "10"},
		{"a cache that has caught up is read", versioned("u", "10"), versioned("u", "10"), 0, "10"},
		{"a cache that is ahead is read", versioned("u", "10"), versioned("u", "11"), 0, "11"},
		{"another object is never ours", versioned("u", "10"), versioned("v", "9"), 0, "9"},
		{"versions that are no numbers cannot be compared", versioned("u", "b"), versioned("u", "a"), 0, "a"},
		{"a cache that stays behind is right: the store was restored", versioned("u", "10"), versioned("u", "9"), lag, "9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			index, clock := cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil), clocktesting.NewFakePassiveClock(now.Time)
			client := New(imageregistrylisters.NewConfigLister(index), &patches{answer: tc.answer}, clock)
			if _, err := client.Patch(t.Context(), manager, versioned("u", "8"), Set("/spec/replicas", 1)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Config(); err == nil {
				t.Error("an object that the cache does not have is gone")
			}
			if err := index.Add(tc.cached); err != nil {
				t.Fatal(err)
			}
			clock.SetTime(clock.Now().Add(tc.age))
			config, err := client.Config()
			if err != nil || config.ResourceVersion != tc.want {
				t.Errorf("version %s, want %s, error %v", config.ResourceVersion, tc.want, err)
			}
		})
	}
}

func TestAnApplyIsNotRepeatedWhileTheCacheIsBehind(t *testing.T) {
	status := Status{Conditions: storedConfig().Status.Conditions[:1]}
	before, after := storedConfig(), storedConfig()
	before.ResourceVersion, after.ResourceVersion = "1", "2"
	before.Status.Conditions = before.Status.Conditions[1:]
	after.ManagedFields[2].FieldsV1.Raw = []byte(`{"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}}}}`)
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil)
	if err := index.Add(before); err != nil {
		t.Fatal(err)
	}
	sent := &patches{answer: after}
	client := New(imageregistrylisters.NewConfigLister(index), sent, clocktesting.NewFakePassiveClock(now.Time))
	for range 2 {
		if err := client.ApplyStatus(t.Context(), manager, status); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent.sent) != 1 {
		t.Errorf("sent %d applies: %v", len(sent.sent), sent.sent)
	}
}
