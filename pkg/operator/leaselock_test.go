package operator

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	clocktesting "k8s.io/utils/clock/testing"
)

// noted is a lock that notes what reaches it.
type noted struct {
	resourcelock.Interface
	calls []string
	err   error
}

func (n *noted) Create(context.Context, resourcelock.LeaderElectionRecord) error {
	n.calls = append(n.calls, "create")
	return n.err
}

func (n *noted) Update(context.Context, resourcelock.LeaderElectionRecord) error {
	n.calls = append(n.calls, "update")
	return n.err
}

func TestJustTaken(t *testing.T) {
	const window = time.Second
	type step struct {
		do    string // create, acquire or renew
		after time.Duration
		err   error
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"the renewal right behind the creation is left out", []step{{do: "create"}, {do: "renew"}}, []string{"create"}},
		{"the renewal right behind a take-over is left out", []step{{do: "acquire"}, {do: "renew"}}, []string{"update"}},
		{"only one renewal is left out", []step{{do: "create"}, {do: "renew"}, {do: "renew"}}, []string{"create", "update"}},
		{"a later renewal is sent", []step{{do: "create"}, {do: "renew", after: window}}, []string{"create", "update"}},
		{"a lease that could not be created is not just taken", []step{{do: "create", err: errors.New("no")}, {do: "renew"}}, []string{"create", "update"}},
		{"a lease that could not be taken over is not just taken", []step{{do: "acquire", err: errors.New("no")}, {do: "renew"}}, []string{"update", "update"}},
		{"a renewal after a renewal is sent", []step{{do: "renew"}, {do: "renew"}}, []string{"update", "update"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inner, clock := &noted{}, clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
			lock := &justTaken{Interface: inner, clock: clock, window: window}
			acquired := metav1.NewTime(clock.Now())
			for _, s := range tc.steps {
				clock.SetTime(clock.Now().Add(s.after + time.Millisecond))
				inner.err = s.err
				record := resourcelock.LeaderElectionRecord{AcquireTime: acquired, RenewTime: metav1.NewTime(clock.Now())}
				var err error
				switch s.do {
				case "create":
					err = lock.Create(t.Context(), record)
				case "acquire":
					record.AcquireTime = record.RenewTime
					err = lock.Update(t.Context(), record)
				default:
					err = lock.Update(t.Context(), record)
				}
				if !errors.Is(err, s.err) {
					t.Errorf("%s: error %v, want %v", s.do, err, s.err)
				}
			}
			if !slices.Equal(inner.calls, tc.want) {
				t.Errorf("sent %v, want %v", inner.calls, tc.want)
			}
		})
	}
}
