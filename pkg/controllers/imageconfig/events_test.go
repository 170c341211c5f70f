package imageconfig

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	configv1 "github.com/openshift/api/config/v1"
)

func TestAFailureThatLastsAndItsEndAreEvents(t *testing.T) {
	h := newHarness(t, image(configv1.ImageStatus{}), service(5000))
	refused := true
	h.client.PrependReactor("patch", "images", func(clienttesting.Action) (bool, runtime.Object, error) {
		return refused, nil, errors.New("no etcd")
	})
	for _, step := range []struct {
		name    string
		after   time.Duration
		refused bool
		want    []string
	}{
		{"it is young", 0, true, nil},
		{"it lasts", 2 * time.Minute, true, []string{"Warning ImageConfigFailed"}},
		{"it is the same", time.Minute, true, nil},
		{"it is over", time.Minute, false, []string{"Normal ImageConfigRecovered"}},
	} {
		since := len(h.recorder.Events())
		h.clock.SetTime(h.clock.Now().Add(step.after))
		refused = step.refused
		if _, err := h.run(t); (err != nil) != step.refused {
			t.Errorf("%s: error %v", step.name, err)
		}
		var got []string
		for _, event := range h.recorder.Events()[since:] {
			if event.Reason == "RegistryHostnamesChanged" {
				continue
			}
			got = append(got, event.Type+" "+event.Reason)
			if step.refused && !strings.Contains(event.Message, "no etcd") {
				t.Errorf("%s: %s does not say why", step.name, event.Message)
			}
		}
		if diff := cmp.Diff(step.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}
