package operator

import (
	"errors"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/controller/factory"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/operatorclienttest"
)

func TestLogLevel(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	for _, tc := range []struct {
		name   string
		levels []operatorv1.LogLevel
		want   []int
		events []string
	}{
		{name: "empty is Normal and the first setting is no event", levels: []operatorv1.LogLevel{""}, want: []int{2}},
		{
			name:   "each level has its verbosity and each change an event",
			levels: []operatorv1.LogLevel{operatorv1.Normal, operatorv1.Debug, operatorv1.Trace, operatorv1.TraceAll},
			want:   []int{2, 4, 6, 8}, events: []string{"OperatorLogLevelChange", "OperatorLogLevelChange", "OperatorLogLevelChange"},
		},
		{name: "the same again is not set again", levels: []operatorv1.LogLevel{operatorv1.Debug, operatorv1.Debug}, want: []int{4}},
		{name: "an unknown level counts as Normal and says so", levels: []operatorv1.LogLevel{"Loud"}, want: []int{2}, events: []string{"OperatorLogLevelInvalid"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			recorder := events.NewInMemoryRecorder("test", clock)
			var got []int
			l := &logLevel{set: func(v int) error { got = append(got, v); return nil }}
			for _, level := range tc.levels {
				config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}}
				config.Spec.OperatorLogLevel = level
				l.config = operatorclienttest.New(config, clock)
				if err := l.sync(t.Context(), factory.NewSyncContext("test", recorder)); err != nil {
					t.Fatal(err)
				}
			}
			var reasons []string
			for _, event := range recorder.Events() {
				reasons = append(reasons, event.Reason)
			}
			if !slices.Equal(got, tc.want) || !slices.Equal(reasons, tc.events) {
				t.Errorf("set %v with events %v, want %v with %v", got, reasons, tc.want, tc.events)
			}
		})
	}
	t.Run("a level that cannot be set is an event and is tried again", func(t *testing.T) {
		recorder := events.NewInMemoryRecorder("test", clock)
		config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}}
		l := &logLevel{config: operatorclienttest.New(config, clock), set: func(int) error { return errors.New("no such level") }}
		for range 2 {
			if err := l.sync(t.Context(), factory.NewSyncContext("test", recorder)); err == nil {
				t.Error("the sync must be repeated")
			}
		}
		raised := recorder.Events()
		if len(raised) != 2 || raised[1].Reason != "OperatorLogLevelChangeFailed" || raised[1].Message != "Setting the verbosity to 2: no such level" {
			t.Errorf("events %v", raised)
		}
	})
	t.Run("without a Config nothing is set", func(t *testing.T) {
		l := &logLevel{config: operatorclienttest.New(nil, clock), set: func(int) error { t.Error("set was called"); return nil }}
		if err := l.sync(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}
