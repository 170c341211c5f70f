package process

import (
	"context"
	"fmt"
	"time"
)

// pollInterval is short on purpose: the start of a cluster is a chain of waits, and each ends half an interval late.
const pollInterval = 100 * time.Millisecond

// Until calls check until it returns nil, the group loses a program, the time is over or the context ends. What is
// being waited for is said by the name, the last answer of the check ends up in the error.
func (g *Group) Until(ctx context.Context, name string, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case lost := <-g.ended:
			g.report(lost) // for whoever waits for the group as a whole
			return fmt.Errorf("waiting for %s: %w", name, lost)
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last answer: %w", name, ctx.Err(), err)
		case <-ticker.C:
		}
	}
}
