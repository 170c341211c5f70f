package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
)

// objectsToEmpty is what a registry of some hundred images leaves in its storage.
const objectsToEmpty = 10_000

// emptied is what the backends' conformance suite prints of it.
var emptied = regexp.MustCompile(`emptied \d+ objects in (\S+, \d+ steps)`)

// emptying measures how long each backend takes to empty its storage, at a real server of its kind on this machine. The
// conformance suites know how to make and fill a medium; they print this figure when they are asked for it.
func emptying(ctx context.Context) error {
	var figures []figure
	var failures []error
	for _, backend := range []string{"s3", "gcs", "swift", "ibmcos"} {
		ours, err := emptyOne(ctx, backend)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", backend, err))
			ours = "failed"
		}
		figures = append(figures, figure{name: fmt.Sprintf("emptying %d objects, %s", objectsToEmpty, backend), ours: ours})
	}
	for _, whole := range []struct{ kind, what string }{{"azure", "account or container"}, {"pvc", "volume"}, {"emptyDir", "volume"}} {
		figures = append(figures, figure{name: fmt.Sprintf("emptying %d objects, %s", objectsToEmpty, whole.kind), ours: "not applicable: the " + whole.what + " goes as a whole"})
	}
	table(figures)
	return errors.Join(failures...)
}

func emptyOne(ctx context.Context, backend string) (string, error) {
	fmt.Fprintln(os.Stderr, "bench: emptying", backend)
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-timeout=30m", "-run=^TestConformance$/^emptying$", "./pkg/storage/"+backend)
	cmd.Env = append(os.Environ(), fmt.Sprintf("EMPTYING_OBJECTS=%d", objectsToEmpty))
	said, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, said[max(0, len(said)-4000):])
	}
	if found := emptied.FindSubmatch(said); found != nil {
		return string(found[1]), nil
	}
	if bytes.Contains(said, []byte("--- SKIP")) {
		return "not measured: no server of this kind here (make install)", nil
	}
	return "", fmt.Errorf("no figure in the output:\n%s", said)
}
