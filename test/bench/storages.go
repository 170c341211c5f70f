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

// What the backends' conformance suite prints of it, and of the calls that it counts.
var (
	emptied = regexp.MustCompile(`emptied \d+ objects in (\S+, \d+ steps)`)
	called  = regexp.MustCompile(`calls: (.*)`)
)

// ofStorages measures how long each backend takes to empty its storage, at a real server of its kind on this machine, and how
// often it asks the cloud. The conformance suites know how to make and fill a medium; they print these figures when they are
// asked for them.
func ofStorages(ctx context.Context) error {
	var times, calls []figure
	var failures []error
	for _, backend := range []string{"s3", "gcs", "swift", "ibmcos", "azure"} {
		said, err := measureStorage(ctx, backend)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", backend, err))
		}
		times = append(times, figure{name: fmt.Sprintf("emptying %d objects, %s", objectsToEmpty, backend), ours: first(emptied, said, "it goes as a whole")})
		calls = append(calls, figure{name: "calls, " + backend, ours: first(called, said, "not counted")})
	}
	for _, kind := range []string{"pvc", "emptyDir"} {
		times = append(times, figure{name: fmt.Sprintf("emptying %d objects, %s", objectsToEmpty, kind), ours: "the volume goes as a whole"})
	}
	table(append(times, calls...))
	return errors.Join(failures...)
}

// first is the figure in what a suite said; otherwise is for a suite that has no such figure.
func first(figure *regexp.Regexp, said []byte, otherwise string) string {
	switch found := figure.FindSubmatch(said); {
	case len(said) == 0:
		return "failed"
	case found != nil:
		return string(found[1])
	case bytes.Contains(said, []byte("not on this machine")):
		return "not measured: no server of this kind here (make install)"
	}
	return otherwise
}

// measureStorage is what the suite of a backend prints, nothing if it fails.
func measureStorage(ctx context.Context, backend string) ([]byte, error) {
	fmt.Fprintln(os.Stderr, "bench: measuring", backend)
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-timeout=30m", "-run=^TestConformance$/^(emptying|calls)$", "./pkg/storage/"+backend)
	cmd.Env = append(os.Environ(), fmt.Sprintf("EMPTYING_OBJECTS=%d", objectsToEmpty))
	said, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said[max(0, len(said)-4000):])
	}
	return said, nil
}
