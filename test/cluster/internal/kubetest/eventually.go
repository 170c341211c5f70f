package kubetest

import (
	"context"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Patience is how long Eventually waits. It is far more than anything should need, so that a busy machine fails no test.
const Patience = 60 * time.Second

// Eventually waits until the check finds nothing to complain about, and fails with its last complaint.
func Eventually(t *testing.T, what string, check func(ctx context.Context) (complaint string)) {
	t.Helper()
	last := "it was never checked"
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, Patience, true, func(ctx context.Context) (bool, error) {
		// A check that is cut off by the end of the patience would complain of that instead of what it waits for.
		last = check(context.WithoutCancel(ctx))
		return last == "", nil
	})
	if err != nil {
		t.Fatalf("%s: not within %s: %s", what, Patience, last)
	}
}

// Shared is the API server of one test package. The first test that needs it starts it; Stop belongs in TestMain.
type Shared struct {
	server  *Server
	err     error
	started bool
}

// Server starts the API server, or returns the running one. Without the binary the test is skipped, and says so.
func (s *Shared) Server(t *testing.T) *Server {
	t.Helper()
	binary := os.Getenv(BinaryVariable)
	if binary == "" {
		t.Skipf("NOT TESTED: %s is not set to the binary of cmd/kube, so there is no API server to test against", BinaryVariable)
	}
	if !s.started {
		s.started = true
		s.server, s.err = Start(context.Background(), binary)
	}
	if s.err != nil {
		t.Fatalf("starting an API server: %v", s.err)
	}
	return s.server
}

// Stop ends the API server if one was started.
func (s *Shared) Stop() {
	if s.server != nil {
		s.server.Stop()
	}
}
