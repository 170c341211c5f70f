package move

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clocktesting "k8s.io/utils/clock/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// surroundings are a pod of the Job with a claim on either side.
func surroundings(t *testing.T) (Options, *fake.Clientset, *Folder, *Folder) {
	t.Helper()
	source, from := folder(t)
	target, to := folder(t)
	input := t.TempDir()
	for name, claim := range map[string]string{SourceFile: "old", TargetFile: "new"} {
		text, err := json.Marshal(storage.Snapshot{Coordinates: storage.Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: claim}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(input, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kube := fake.NewClientset(&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: names.Move}})
	return Options{
		Folders: Folders{Input: input, Source: from, Target: to, Scratch: t.TempDir()},
		Drivers: storage.Drivers{{Kind: storage.PVC, Configured: func(c *storage.Coordinates) bool { return c.PVC != nil }}},
		Jobs:    kube.BatchV1().Jobs(names.OperatorNamespace),
		Clock:   clocktesting.NewFakeClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)),
	}, kube, source, target
}

func reported(t *testing.T, kube *fake.Clientset) Progress {
	t.Helper()
	job, err := kube.BatchV1().Jobs(names.OperatorNamespace).Get(t.Context(), names.Move, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ParseProgress(job.Annotations[names.MoveProgressAnnotation])
}

func TestRun(t *testing.T) {
	t.Run("what was copied is reported", func(t *testing.T) {
		options, kube, source, target := surroundings(t)
		image(t, source, "a", "v1", "one")
		put(t, target, blobs+partial+"left", "half a file")
		if err := Run(t.Context(), options); err != nil {
			t.Fatal(err)
		}
		same(t, all(t, target), all(t, source))
		if p := reported(t, kube); p.Files != 6 || p.Done != 6 || p.Error != "" {
			t.Errorf("reported %+v", p)
		}
	})
	t.Run("what is corrupt is reported, with an exit code of its own", func(t *testing.T) {
		options, kube, source, _ := surroundings(t)
		path, _ := blobPath("one")
		put(t, source, path, "another")
		var coded interface{ ExitCode() int }
		if err := Run(t.Context(), options); !errors.As(err, &coded) || coded.ExitCode() != ExitCorrupt {
			t.Errorf("got %v", err)
		}
		if p := reported(t, kube); len(p.Corrupt) != 1 || p.Corrupt[0] != path {
			t.Errorf("reported %+v", p)
		}
	})
	t.Run("what an earlier pod compared is not read again", func(t *testing.T) {
		options, kube, source, target := surroundings(t)
		image(t, source, "a", "v1", "one")
		if err := Run(t.Context(), options); err != nil {
			t.Fatal(err)
		}
		if p := reported(t, kube); !p.Compared {
			t.Fatalf("reported %+v", p)
		}
		// Nobody but the next pod of this Job trusts it.
		path, _ := blobPath("layer of one")
		put(t, target, path, "layer of 1n3")
		if err := Run(t.Context(), options); err != nil {
			t.Fatal(err)
		}
		if got := all(t, target)[path]; got != "layer of 1n3" {
			t.Errorf("it was compared again: %q", got)
		}
	})
	t.Run("without a report the copy goes on", func(t *testing.T) {
		options, _, source, target := surroundings(t)
		options.Jobs = fake.NewClientset().BatchV1().Jobs(names.OperatorNamespace)
		image(t, source, "a", "v1", "one")
		if err := Run(t.Context(), options); err != nil {
			t.Fatal(err)
		}
		same(t, all(t, target), all(t, source))
	})
	t.Run("an input that does not parse is not quoted", func(t *testing.T) {
		options, _, _, _ := surroundings(t)
		if err := os.WriteFile(filepath.Join(options.Folders.Input, TargetFile), []byte(`{"userSecret": "s3cr3t"`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), options); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a kind that cannot be opened is named", func(t *testing.T) {
		options, _, _, _ := surroundings(t)
		options.Drivers[0].Kind = storage.Swift
		options.Drivers[0].Configured = func(c *storage.Coordinates) bool { return c.Swift != nil }
		text := []byte(`{"coordinates":{"swift":{"container":"c"}}}`)
		if err := os.WriteFile(filepath.Join(options.Folders.Input, SourceFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), options); err == nil || !strings.Contains(err.Error(), "Swift container=c") {
			t.Errorf("got %v", err)
		}
	})
}

// A report is made while the copy is under way, and none when nothing is new.
func TestReportsMeanwhile(t *testing.T) {
	options, kube, _, _ := surroundings(t)
	clock := clocktesting.NewFakeClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	options.Clock = clock
	progress := Progress{Files: 10, Done: 3}
	err := reporting(t.Context(), options, func() Progress { return progress }, func(ctx context.Context) error {
		for reported(t, kube).Done != 3 && ctx.Err() == nil {
			if clock.HasWaiters() {
				clock.Step(reportInterval)
			}
		}
		return errors.New("the end")
	})
	if err == nil || reported(t, kube).Error != "the end" {
		t.Errorf("got %v, reported %+v", err, reported(t, kube))
	}
	before := len(kube.Actions())
	r := reporter{jobs: options.Jobs}
	r.tell(t.Context(), progress)
	r.tell(t.Context(), progress)
	if now := len(kube.Actions()); now != before+1 {
		t.Errorf("%d reports of the same", now-before)
	}
}

func TestASourceThatStalls(t *testing.T) {
	ctx, w := newWatch(t.Context(), time.Millisecond)
	defer w.stop()
	read := w.of(waiting{ctx})
	if _, err := read.Read(nil); err == nil || !w.expired() {
		t.Errorf("got %v, expired %v", err, w.expired())
	}
	quick, other := newWatch(t.Context(), time.Hour)
	if _, err := io.ReadAll(other.of(strings.NewReader("x"))); err != nil || quick.Err() != nil {
		t.Errorf("got %v, %v", err, quick.Err())
	}
	if other.stop(); other.expired() {
		t.Error("it expired when it was stopped")
	}
}

// TestATagThatStalls: files that are read whole are under the same watch.
func TestATagThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := read(t.Context(), stalling{}, "x"); !errors.Is(err, errStalled) {
			t.Errorf("got %v", err)
		}
	})
}

// stalling has a file of which nothing comes.
type stalling struct{ storage.Content }

func (stalling) Open(ctx context.Context, _ string) (io.ReadCloser, error) {
	return io.NopCloser(waiting{ctx}), nil
}

// waiting reads nothing until its context ends.
type waiting struct {
	ctx context.Context //nolint:containedctx // a reader has no other place for it
}

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}
