package routes

import (
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestTheStepsOfRoutesReadyAreEvents(t *testing.T) {
	say := func(status operatorv1.ConditionStatus, reason, message string) operatorv1.OperatorCondition {
		return operatorv1.OperatorCondition{Type: names.RoutesReady, Status: status, Reason: reason, Message: message}
	}
	const yes, no = operatorv1.ConditionTrue, operatorv1.ConditionFalse
	fine, refused := say(yes, names.ReasonAsExpected, ""), say(no, names.ReasonRouteDegraded, "route a not admitted")
	for name, test := range map[string]struct {
		before []operatorv1.OperatorCondition
		now    operatorv1.OperatorCondition
		want   string
	}{
		"fine from the start":            {now: fine},
		"a router refuses a route":       {before: []operatorv1.OperatorCondition{fine}, now: refused, want: "Warning RouteNotAdmitted: route a not admitted"},
		"it still does":                  {before: []operatorv1.OperatorCondition{refused}, now: refused},
		"it refuses another one":         {before: []operatorv1.OperatorCondition{refused}, now: say(no, names.ReasonRouteDegraded, "route b"), want: "Warning RouteNotAdmitted: route b"},
		"the name is somebody else's":    {before: []operatorv1.OperatorCondition{refused}, now: say(no, names.ReasonRouteConflict, "route c"), want: "Warning RouteConflict: route c"},
		"the API server is away":         {now: say(no, names.ReasonError, "no etcd"), want: "Warning RoutesFailed: no etcd"},
		"all is well again":              {before: []operatorv1.OperatorCondition{refused}, now: fine, want: "Normal RoutesRecovered: all routes are as spec.defaultRoute and spec.routes ask"},
		"all is well, said in new words": {before: []operatorv1.OperatorCondition{fine}, now: say(yes, names.ReasonAsExpected, "new")},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(time.Now()))
			tell(recorder, test.before, test.now)
			var got []string
			for _, event := range recorder.Events() {
				got = append(got, event.Type+" "+event.Reason+": "+event.Message)
			}
			if text := strings.Join(got, "\n"); text != test.want {
				t.Errorf("events %q, want %q", text, test.want)
			}
		})
	}
}
