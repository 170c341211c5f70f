package transport

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnAnswerThatDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, err := Begun(t.Context(), time.Second, func(ctx context.Context) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		var timeout *TimeoutError
		if !errors.As(err, &timeout) || timeout.After != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnAnswerThatBeginsTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun context.Context
		answer, end, err := Begun(t.Context(), time.Second, func(ctx context.Context) (io.ReadCloser, error) {
			begun = ctx
			return io.NopCloser(strings.NewReader("x")), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if begun.Err() != nil {
			t.Errorf("it ended although it had begun: %v", begun.Err())
		}
		if err := (&Body{ReadCloser: answer, End: end}).Close(); err != nil || begun.Err() == nil {
			t.Errorf("closing it: %v, and its request goes on", err)
		}
	})
}

func TestACallThatIsCancelledIsNoTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := Begun(ctx, time.Hour, func(ctx context.Context) (int, error) { return 0, ctx.Err() })
	if errors.As(err, new(*TimeoutError)) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
