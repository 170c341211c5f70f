package seed_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed"
)

// One object fewer, and nobody knows: what waits for it waits without end.
func TestAWriteThatTimesOutIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// Only then the server sees the client go.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := seed.Apply(ctx, &rest.Config{Host: server.URL, Timeout: 50 * time.Millisecond}, seed.Options{})
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() || !strings.Contains(err.Error(), "applying CustomResourceDefinition") {
		t.Errorf("got %v, want the time-out of the first write", err)
	}
}
