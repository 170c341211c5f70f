package nodeca

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
	clocktesting "k8s.io/utils/clock/testing"
)

// safeBuffer takes the log while the test reads it.
type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// program is one that runs; its clock stands still.
type program struct {
	t     *testing.T
	clock *clocktesting.FakeClock
	log   safeBuffer
	end   func()
}

func running(t *testing.T, n node) *program {
	t.Helper()
	p := &program{t: t, clock: clocktesting.NewFakeClock(time.Unix(0, 0))}
	klog.LogToStderr(false)
	klog.SetOutput(&p.log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(ctx, n.Folders, p.clock)
	}()
	p.end = func() {
		cancel()
		<-ended
		klog.Flush()
	}
	t.Cleanup(func() {
		p.end()
		klog.LogToStderr(true)
	})
	return p
}

// says waits for a text in the log.
func (p *program) says(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		klog.Flush()
		if strings.Contains(p.log.text(), text) {
			return
		}
	}
	p.t.Fatalf("the log lacks %q:\n%s", text, p.log.text())
}

// await waits until the file has the content; none means that it is not there.
func (n node) await(name, want string) {
	n.t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		content, _ := os.ReadFile(filepath.Join(n.Destination, name))
		if got = string(content); got == want {
			return
		}
	}
	n.t.Fatalf("%s has %q, want %q", name, got, want)
}

func TestRunFollowsTheSourceWithoutWaitingForTheClock(t *testing.T) {
	n := newNode(t, nil, nil)
	n.project("1", files{"a": "A1"})
	p := running(t, n)
	n.await("a/ca.crt", "A1")
	n.project("2", files{"a": "A2", "b": "B"})
	n.await("a/ca.crt", "A2")
	n.await("b/ca.crt", "B")
	n.project("3", files{"a": "A2"})
	n.await("b/ca.crt", "")
	p.says("copied=1 skipped=0 trimmed=0")
	p.says("trimmed=1")
	p.end()
	p.says("shutting down node-ca")
}

func TestRunUndoesEditsOnTheNodeEveryMinute(t *testing.T) {
	n := newNode(t, files{"a": "A"}, nil)
	p := running(t, n)
	p.says("copied=1")
	n.must(os.WriteFile(filepath.Join(n.Destination, "a", "ca.crt"), []byte("edited"), 0o644))
	p.clock.Step(time.Minute)
	n.await("a/ca.crt", "A")
}

func TestRunGoesOnAfterAFault(t *testing.T) {
	n := newNode(t, files{"a": "A"}, files{"a": "a file in the way"})
	p := running(t, n)
	p.says("not all certificates are in place")
	n.must(os.Remove(filepath.Join(n.Destination, "a")))
	p.clock.Step(time.Minute)
	n.await("a/ca.crt", "A")
}

func TestRunWorksWithoutAWatch(t *testing.T) {
	n := newNode(t, nil, nil)
	n.must(os.Remove(n.Source))
	p := running(t, n)
	p.says("not all certificates are in place")
	n.must(os.Mkdir(n.Source, 0o755))
	n.fill(n.Source, files{"a": "A"})
	p.clock.Step(time.Minute)
	n.await("a/ca.crt", "A")
}

func TestTheLogDoesNotSayTwoThingsAtOnce(t *testing.T) {
	const bad, fine = `"not all certificates are in place"`, `"certificates are in place"`
	fault := errors.New("no")
	var output safeBuffer
	klog.LogToStderr(false)
	klog.SetOutput(&output)
	t.Cleanup(func() { klog.LogToStderr(true) })
	log, read := &passLog{}, 0
	for _, tc := range []struct {
		name      string
		result    Result
		err       error
		has, lack []string
	}{
		{"the first pass", Result{}, nil, []string{fine}, []string{bad}},
		{"another one", Result{}, nil, nil, []string{bad, fine}},
		{"a fault", Result{Ignored: []string{"x"}}, fault, []string{bad}, []string{fine, "written="}},
		{"a fault of one host, and a success of another", Result{Written: []string{"a"}}, fault, []string{bad, `written=["a"]`}, []string{fine}},
		{"the fault has gone", Result{}, nil, []string{fine}, []string{bad}},
		{"and stays away", Result{}, nil, nil, []string{bad, fine}},
	} {
		log.tell(tc.result, tc.err)
		klog.Flush()
		got := output.text()[read:]
		read += len(got)
		for _, text := range tc.has {
			if !strings.Contains(got, text) {
				t.Errorf("%s: the log lacks %s:\n%s", tc.name, text, got)
			}
		}
		for _, text := range tc.lack {
			if strings.Contains(got, text) {
				t.Errorf("%s: the log has %s:\n%s", tc.name, text, got)
			}
		}
	}
}
