package operator

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// deadline is for what happens within milliseconds unless it never does.
const deadline = 20 * time.Second

func TestFileWatcher(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before string // content; "-" is a file that does not exist
		change func(path string) error
		want   string
	}{
		{name: "an untouched file is no change", before: "a", change: func(string) error { return nil }},
		{name: "the same content written again is no change", before: "a", change: func(path string) error { return os.WriteFile(path, []byte("a"), 0o600) }},
		{name: "other content is a change", before: "a", change: func(path string) error { return os.WriteFile(path, []byte("b"), 0o600) }, want: "was modified"},
		{name: "a deleted file is a change", before: "a", change: os.Remove, want: "was deleted"},
		{name: "a file that stays missing is no change", before: "-", change: func(string) error { return nil }},
		{name: "a created file is a change", before: "-", change: func(path string) error { return os.WriteFile(path, nil, 0o600) }, want: "was created"},
		{
			name: "a swapped symlink is a change", before: "a", want: "was modified",
			change: func(path string) error {
				other := path + ".other"
				if err := os.WriteFile(other, []byte("b"), 0o600); err != nil {
					return err
				}
				if err := os.Symlink(other, path+".link"); err != nil {
					return err
				}
				return os.Rename(path+".link", path)
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if tc.before != "-" {
				if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			watcher, err := newFileWatcher([]string{path + ".absent", path})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.change(path); err != nil {
				t.Fatal(err)
			}
			got := watcher.changed()
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("changed() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestFileWatcherRefuses(t *testing.T) {
	for name, file := range map[string]string{"an empty name": "", "a directory": t.TempDir()} {
		if _, err := newFileWatcher([]string{file}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestFileWatcherRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	watcher, err := newFileWatcher([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(time.Now())
	changed := make(chan string, 1)
	go func() { changed <- watcher.run(t.Context(), clock) }()
	await(t, "the ticker", clock.HasWaiters)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	clock.Step(fileInterval)
	if got := receive(t, changed); !strings.Contains(got, path+" was created") {
		t.Errorf("run() = %q", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := watcher.run(ctx, clock); got != "" {
		t.Errorf("run() = %q after the context ended", got)
	}
}

// await waits for a condition that somebody else brings about.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s after %s", what, deadline)
		}
		<-time.After(time.Millisecond)
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(deadline):
		t.Fatalf("nothing came after %s", deadline)
		panic("unreachable")
	}
}
