package process_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

func shell(name, script string) process.Spec {
	return process.Spec{Name: name, Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: os.Environ()}
}

func TestFirstProgramToEndIsReportedWithItsLog(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a failure", "echo first line; echo the reason >&2; exit 3", "exit status 3"},
		{"an end without a failure", "echo the reason", "it ended with code 0"},
		{"a kill", "echo the reason; kill -9 $$", "signal: killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			group := process.NewGroup(t.TempDir())
			defer group.Stop()
			if _, err := group.Start(shell("worker", c.script)); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-group.Ended():
				if text := err.Error(); !strings.Contains(text, "worker has ended: "+c.want) || !strings.Contains(text, "the reason") {
					t.Errorf("report %q, want it to hold %q and the log", text, c.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("nothing is reported")
			}
		})
	}
}

func TestStopKillsAndReportsNothing(t *testing.T) {
	group := process.NewGroup(t.TempDir())
	pid, err := group.Start(shell("sleeper", "sleep 1000"))
	if err != nil {
		t.Fatal(err)
	}
	group.Stop()
	deadline := time.Now().Add(time.Minute)
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		<-time.After(10 * time.Millisecond)
	}
	select {
	case err := <-group.Ended():
		t.Errorf("the end that was asked for is reported: %v", err)
	default:
	}
}

func TestUntil(t *testing.T) {
	notYet := errors.New("not yet")
	for _, c := range []struct {
		name, script string
		limit        time.Duration
		succeedAfter int
		want         string
	}{
		{"the check succeeds at last", "sleep 1000", time.Minute, 3, ""},
		{"the time is over", "sleep 1000", 300 * time.Millisecond, 1 << 30, "waiting for the sun: context deadline exceeded; last answer: not yet"},
		{"a program ends meanwhile", "echo oh no; exit 1", time.Minute, 1 << 30, "oh no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			group := process.NewGroup(t.TempDir())
			defer group.Stop()
			if _, err := group.Start(shell("worker", c.script)); err != nil {
				t.Fatal(err)
			}
			calls := 0
			err := group.Until(t.Context(), "the sun", c.limit, func(context.Context) error {
				if calls++; calls > c.succeedAfter {
					return nil
				}
				return notYet
			})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestProgramsDieWithTheirStarter kills a process that has started a program and looks whether the program is gone.
func TestProgramsDieWithTheirStarter(t *testing.T) {
	if os.Getenv("STARTER_LOGS") != "" {
		group := process.NewGroup(os.Getenv("STARTER_LOGS"))
		if _, err := group.Start(shell("child", "echo $$; sleep 1000")); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	logs := t.TempDir()
	starter := exec.Command(os.Args[0], "-test.run=^TestProgramsDieWithTheirStarter$")
	starter.Env = append(os.Environ(), "STARTER_LOGS="+logs)
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	child := waitForLine(t, filepath.Join(logs, "child.log"))
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	deadline := time.Now().Add(time.Minute)
	for alive(child) {
		if time.Now().After(deadline) {
			t.Fatalf("process %s outlives the one that started it", child)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// alive tells whether a process runs; one that nobody has collected yet does not.
func alive(pid string) bool {
	data, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

func waitForLine(t *testing.T, path string) string {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		data, _ := os.ReadFile(path)
		if line, _, found := strings.Cut(string(data), "\n"); found {
			return line
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing in %s", path)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := process.Tail(path, 2); got != "two\nthree" {
		t.Errorf("the last two lines are %q", got)
	}
	if got := process.Tail(path, 9); got != "one\ntwo\nthree" {
		t.Errorf("all lines are %q", got)
	}
	if got := process.Tail(path+"x", 2); !strings.Contains(got, "no such file") {
		t.Errorf("a missing file gives %q", got)
	}
}
