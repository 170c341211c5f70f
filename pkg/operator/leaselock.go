package operator

import (
	"context"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

// justTaken leaves out the renewal that the elector sends right behind the acquisition: the lease is as new as can be.
// It leaves out one, and only within a part of the time after which the lease would be renewed anyway.
type justTaken struct {
	resourcelock.Interface
	clock clock.PassiveClock
	// window is how long a lease counts as just taken.
	window time.Duration
	taken  time.Time
}

// Create is the acquisition of a lease that did not exist.
func (l *justTaken) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	l.note(err, true)
	return err
}

// Update is an acquisition, which sets both times to now, or a renewal.
func (l *justTaken) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	acquires := record.AcquireTime.Equal(&record.RenewTime)
	if !acquires && !l.taken.IsZero() && l.clock.Since(l.taken) < l.window {
		l.taken = time.Time{}
		return nil
	}
	err := l.Interface.Update(ctx, record)
	l.note(err, acquires)
	return err
}

func (l *justTaken) note(err error, acquired bool) {
	l.taken = time.Time{}
	if err == nil && acquired {
		l.taken = l.clock.Now()
	}
}
