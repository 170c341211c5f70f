package nodeca

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

// told are the events about the conditions, since the given number of events.
func (h *harness) told(since int) []string {
	var texts []string
	for _, event := range h.recorder.Events()[since:] {
		if strings.HasPrefix(event.Reason, "NodeCA") {
			texts = append(texts, event.Type+" "+event.Reason+": "+event.Message)
		}
	}
	return texts
}

func TestPodsThatComeAndGoAreEvents(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	_, err := h.run(t)
	synctest.Must(t, err)
	for _, step := range []struct {
		name string
		at   time.Duration
		pods int32
		want []string
	}{
		{"there has never been a pod", 0, 0, nil},
		{"the first pod", time.Minute, 1, []string{"Normal NodeCAAvailable: DaemonSet node-ca has available pods"}},
		{"it is gone, which may be a rollout", 10 * time.Minute, 0, nil},
		{"it stays away", 13 * time.Minute, 0, []string{"Warning NodeCAUnavailable: DaemonSet node-ca has no available pod: nodes do not learn of new CAs"}},
		{"it still does", 14 * time.Minute, 0, nil},
		{"it is back", 15 * time.Minute, 1, []string{"Normal NodeCAAvailable: DaemonSet node-ca has available pods"}},
		{"it is still there", 16 * time.Minute, 1, nil},
	} {
		since := len(h.recorder.Events())
		h.clock.SetTime(now.Add(step.at))
		h.store(t, func(d *appsv1.DaemonSet) { d.Status.DesiredNumberScheduled, d.Status.NumberAvailable = 1, step.pods })
		_, err := h.run(t)
		synctest.Must(t, err)
		if diff := cmp.Diff(step.want, h.told(since), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestAFailureThatLastsAndItsEndAreEvents(t *testing.T) {
	h := newHarness(t, configIn(operatorv1.Managed))
	refused := true
	h.kube.PrependReactor("create", "daemonsets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return refused, nil, errors.New("no")
	})
	for _, step := range []struct {
		name    string
		at      time.Duration
		refused bool
		want    []string
	}{
		{"it is young", 0, true, nil},
		{"it lasts", 2 * time.Minute, true, []string{"Warning " + names.EventNodeCAFailed + ": creating DaemonSet openshift-image-registry/node-ca: no"}},
		{"it is the same", 3 * time.Minute, true, nil},
		{"it is over, but no pod has come yet", 4 * time.Minute, false, []string{
			"Warning " + names.EventNodeCAUnavailable + ": DaemonSet node-ca has no available pod: nodes do not learn of new CAs",
			"Normal " + names.EventNodeCARecovered + ": DaemonSet node-ca is what it should be again",
		}},
	} {
		since := len(h.recorder.Events())
		h.clock.SetTime(now.Add(step.at))
		refused = step.refused
		if _, err := h.run(t); (err != nil) != step.refused {
			t.Errorf("%s: error %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, h.told(since), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}
