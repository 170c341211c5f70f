package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestOperatorLogLevel: the level reaches the running process, there and back, without a restart.
func TestOperatorLogLevel(t *testing.T) {
	onEmptyDir(t)
	mentioned := func() int { return strings.Count(operator.Log(), "TLS handshake error") }
	before := mentioned()
	cluster.Patch(t, `{"spec":{"operatorLogLevel":"Debug"}}`)
	cluster.Until(t, settle, "what only Debug logs", func(ctx context.Context) error {
		if mentioned() > before {
			return nil
		}
		return errors.Join(errors.New("it is not logged"), operator.HangUp(ctx))
	})
	cluster.Patch(t, `{"spec":{"operatorLogLevel":"Normal"}}`)
	cluster.Until(t, settle, "Normal to leave it out", func(ctx context.Context) error {
		before := mentioned()
		if err := operator.HangUp(ctx); err != nil {
			return err
		}
		// Who hangs up does not hear when it was noticed. A scrape is answered after it.
		if _, err := operator.Scrape(ctx); err != nil {
			return err
		}
		if mentioned() > before {
			return errors.New("it is still logged")
		}
		return nil
	})
	quiet := mentioned()
	cluster.Always(t, 2*time.Second, "the silence", func(ctx context.Context) error {
		if mentioned() > quiet {
			return errors.New("it is logged again")
		}
		return operator.HangUp(ctx)
	})
}
