package move

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestEverythingIsCopiedButUploads(t *testing.T) {
	source, _ := folder(t)
	target, dir := folder(t)
	for i := range 30 {
		image(t, source, fmt.Sprintf("project/app-%d", i%7), fmt.Sprintf("v%d", i), fmt.Sprint(i))
	}
	want := all(t, source)
	put(t, source, repositories+"project/app-1/_uploads/0-0/data", "half a layer")
	put(t, source, "somebody/elses.txt", "not a registry's")
	c := &Copy{Source: source, Target: target}
	if err := copied(t, c); err != nil {
		t.Fatal(err)
	}
	same(t, all(t, target), want)
	if p := c.Progress(); p.Done != int64(len(want)) || p.Files != int64(len(want)) || p.Error != "" {
		t.Errorf("progress %+v, want %d files", p, len(want))
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), partial) {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestACorruptBlobIsNamedAndLeftOut(t *testing.T) {
	source, _ := folder(t)
	target, _ := folder(t)
	image(t, source, "a", "v1", "one")
	image(t, source, "a", "v2", "two")
	want := all(t, source)
	bad, _ := blobPath("layer of one")
	delete(want, bad)
	put(t, source, bad, "layer of 1n3")
	err := copied(t, &Copy{Source: source, Target: target})
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !slices.Equal(corrupt.Progress.Corrupt, []string{bad}) || corrupt.ExitCode() != ExitCorrupt {
		t.Fatalf("got %v, want %s to be corrupt", err, bad)
	}
	same(t, all(t, target), want)
}

func TestOnlySoManyCorruptBlobsAreNamed(t *testing.T) {
	source, _ := folder(t)
	target, _ := folder(t)
	for i := range 25 {
		path, _ := blobPath(fmt.Sprint(i))
		put(t, source, path, "x")
	}
	err := copied(t, &Copy{Source: source, Target: target})
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || len(corrupt.Progress.Corrupt) != maxNamed || corrupt.Progress.MoreCorrupt != 15 {
		t.Fatalf("got %v", err)
	}
	if !strings.HasPrefix(err.Error(), "25 files of the source are corrupt: ") || !strings.HasSuffix(err.Error(), " and 15 more") {
		t.Errorf("the text is %q", err)
	}
}

func TestLinksComeAfterWhatTheyLeadTo(t *testing.T) {
	source, _ := folder(t)
	inner := &inMemory{files: map[string]string{}}
	for i := range 20 {
		image(t, source, "a", fmt.Sprint("v", i), fmt.Sprint(i))
	}
	target := &watched{Content: inner}
	if err := copied(t, &Copy{Source: source, Target: target}); err != nil {
		t.Fatal(err)
	}
	last := blobStage
	for _, path := range target.wrote {
		at, _ := stageOf(path)
		if at < last {
			t.Fatalf("%s comes after files of stage %d", path, last)
		}
		last = at
	}
	if last != tagStage {
		t.Errorf("the last stage is %d", last)
	}
}

func TestAnInterruptedRunGoesOn(t *testing.T) {
	source, _ := folder(t)
	inner, dir := folder(t)
	for i := range 15 {
		image(t, source, "a", fmt.Sprint("v", i), fmt.Sprint(i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	writes := 0
	target := &watched{Content: inner, before: func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if writes++; writes == 30 {
			cancel()
		}
		return nil
	}}
	err := (&Copy{Source: source, Target: target, Scratch: t.TempDir()}).Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the run ended with %v", err)
	}
	before := len(all(t, inner))
	if before == 0 || before >= 90 {
		t.Fatalf("%d files were copied before the interruption", before)
	}
	// What a pod that is killed leaves.
	left := filepath.Join(dir, filepath.FromSlash(blobs), partial+"left")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := inner.Sweep(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half file is still there: %v", err)
	}
	again := &watched{Content: inner}
	if err := copied(t, &Copy{Source: source, Target: again}); err != nil {
		t.Fatal(err)
	}
	same(t, all(t, inner), all(t, source))
	if len(again.wrote) != 90-before {
		t.Errorf("%d files were copied by the second run, want %d", len(again.wrote), 90-before)
	}
}

func TestASourceThatChangesMeanwhile(t *testing.T) {
	source, dir := folder(t)
	inner := &inMemory{files: map[string]string{}}
	for i := range 300 {
		image(t, source, "a", fmt.Sprint("v", i), fmt.Sprint(i))
	}
	gone, _ := blobPath("layer of 299")
	var once sync.Once
	target := &watched{Content: inner, before: func(string) error {
		// The first round is under way: a push, a tag that moves, and a blob that is pruned.
		once.Do(func() {
			image(t, source, "b", "new", "pushed meanwhile")
			image(t, source, "a", "v0", "another v0")
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(gone))); err != nil {
				t.Error(err)
			}
		})
		return nil
	}}
	if err := copied(t, &Copy{Source: source, Target: target}); err != nil {
		t.Fatal(err)
	}
	got := all(t, inner)
	delete(got, gone)
	same(t, got, all(t, source))
}

func TestTagsOfTheTarget(t *testing.T) {
	_, newer := blobPath("manifest of newer")
	_, older := blobPath("manifest of older")
	tag := repositories + "a/_manifests/tags/latest/current/link"
	for _, tc := range []struct {
		name       string
		keepTarget bool
		want       string
	}{
		{name: "before the switch the source is right", want: "sha256:" + older},
		{name: "after it the target is", keepTarget: true, want: "sha256:" + newer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source, _ := folder(t)
			target, _ := folder(t)
			image(t, source, "a", "latest", "older")
			image(t, target, "a", "latest", "newer")
			if err := copied(t, &Copy{Source: source, Target: target, KeepTarget: tc.keepTarget}); err != nil {
				t.Fatal(err)
			}
			got := all(t, target)
			if got[tag] != tc.want {
				t.Errorf("the tag is %s, want %s", got[tag], tc.want)
			}
			for path := range all(t, source) {
				if _, found := got[path]; !found {
					t.Errorf("the target lacks %s", path)
				}
			}
		})
	}
}

// A registry pushes a tag to the target after its files have been listed.
func TestATagThatComesWhileTheTargetIsKept(t *testing.T) {
	source, _ := folder(t)
	inner, _ := folder(t)
	image(t, source, "a", "latest", "older")
	tag := repositories + "a/_manifests/tags/latest/current/link"
	var once sync.Once
	target := &watched{Content: inner}
	target.before = func(string) error {
		once.Do(func() { image(t, inner, "a", "latest", "newer") })
		return nil
	}
	if err := copied(t, &Copy{Source: source, Target: target, KeepTarget: true}); err != nil {
		t.Fatal(err)
	}
	_, newer := blobPath("manifest of newer")
	if got := all(t, inner)[tag]; got != "sha256:"+newer {
		t.Errorf("the tag is %s", got)
	}
}

func TestABlobOfAnotherSizeIsReplaced(t *testing.T) {
	for _, keep := range []bool{false, true} {
		source, _ := folder(t)
		target, _ := folder(t)
		image(t, source, "a", "v1", "one")
		path, _ := blobPath("layer of one")
		put(t, target, path, "half")
		if err := copied(t, &Copy{Source: source, Target: target, KeepTarget: keep}); err != nil {
			t.Fatal(err)
		}
		same(t, all(t, target), all(t, source))
	}
}

func TestABlobOfTheTargetIsComparedBeforeItIsReliedOn(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		compared, keepTarget bool
		compares             bool
	}{
		{"at first", false, false, true},
		{"not again by the next pod of the Job", true, false, false},
		{"not after the switch: a registry compares what it takes", false, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source, _ := folder(t)
			inner, _ := folder(t)
			image(t, source, "a", "v1", "one")
			image(t, source, "a", "v2", "two")
			bad, _ := blobPath("layer of one")
			good, _ := blobPath("layer of two")
			put(t, inner, bad, "layer of 1n3")
			put(t, inner, good, "layer of two")
			target := &watched{Content: inner, before: func(path string) error {
				if path == good {
					t.Errorf("%s was copied again", path)
				}
				return nil
			}}
			c := &Copy{Source: source, Target: target, Compared: tc.compared, KeepTarget: tc.keepTarget}
			if err := copied(t, c); err != nil {
				t.Fatal(err)
			}
			if !c.Progress().Compared {
				t.Error("the progress does not say that the target is compared")
			}
			blobsRead := slices.DeleteFunc(target.opened, func(path string) bool { return !strings.HasPrefix(path, blobs) })
			if !tc.compares {
				if len(blobsRead) > 0 {
					t.Errorf("read of the target: %v", blobsRead)
				}
				return
			}
			same(t, all(t, inner), all(t, source))
			if len(blobsRead) != 2 {
				t.Errorf("read of the target: %v, want each blob that was there, once", blobsRead)
			}
		})
	}
}

func TestATargetThatCannotBeReadIsNotReliedOn(t *testing.T) {
	source, _ := folder(t)
	inner, _ := folder(t)
	image(t, source, "a", "v1", "one")
	there, _ := blobPath("layer of one")
	put(t, inner, there, "layer of one")
	broken := errors.New("an error of the disk")
	target := &watched{Content: inner, open: func(string) error { return broken }}
	c := &Copy{Source: source, Target: target}
	if err := copied(t, c); !errors.Is(err, broken) || !strings.Contains(err.Error(), there) {
		t.Errorf("got %v", err)
	}
	if len(target.wrote) > 0 || c.Progress().Compared {
		t.Errorf("the run went on: %v", target.wrote)
	}
}

func TestFailures(t *testing.T) {
	full := errors.New("no space is left")
	t.Run("one that passes is made up for", func(t *testing.T) {
		source, _ := folder(t)
		inner, _ := folder(t)
		image(t, source, "a", "v1", "one")
		failed := false
		target := &watched{Content: inner, before: func(path string) error {
			if strings.HasSuffix(path, "/current/link") && !failed {
				failed = true
				return full
			}
			return nil
		}}
		if err := copied(t, &Copy{Source: source, Target: target}); err != nil {
			t.Fatal(err)
		}
		same(t, all(t, inner), all(t, source))
	})
	t.Run("one that stays ends the run, with its name, and no link without a blob", func(t *testing.T) {
		source, _ := folder(t)
		inner, _ := folder(t)
		image(t, source, "a", "v1", "one")
		bad, _ := blobPath("layer of one")
		target := &watched{Content: inner, before: func(path string) error {
			if path == bad {
				return full
			}
			return nil
		}}
		c := &Copy{Source: source, Target: target}
		if err := copied(t, c); !errors.Is(err, full) || !strings.Contains(err.Error(), bad) {
			t.Errorf("got %v", err)
		}
		for path := range all(t, inner) {
			if strings.HasPrefix(path, repositories) {
				t.Errorf("%s was copied", path)
			}
		}
		if c.Progress().Error == "" {
			t.Error("the progress says nothing of it")
		}
	})
	t.Run("many end the round at once", func(t *testing.T) {
		source, _ := folder(t)
		inner, _ := folder(t)
		for i := range 500 {
			image(t, source, "a", fmt.Sprint("v", i), fmt.Sprint(i))
		}
		var mu sync.Mutex
		tried := 0
		target := &watched{Content: inner, before: func(string) error {
			mu.Lock()
			defer mu.Unlock()
			tried++
			return full
		}}
		if err := copied(t, &Copy{Source: source, Target: target}); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		if tried > maxFailures+2*workers {
			t.Errorf("%d attempts were made", tried)
		}
	})
	t.Run("a source that ends too soon is no corrupt one", func(t *testing.T) {
		source, _ := folder(t)
		target, _ := folder(t)
		image(t, source, "a", "v1", "one")
		cut := &short{Content: source}
		err := copied(t, &Copy{Source: cut, Target: target})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
		if got := all(t, target); len(got) != 0 {
			t.Errorf("the target has %v", got)
		}
	})
}

func TestThousandsOfFiles(t *testing.T) {
	source, target := &inMemory{files: map[string]string{}}, &inMemory{files: map[string]string{}}
	for i := range 3000 {
		image(t, source, fmt.Sprintf("project/app-%d", i%7), fmt.Sprintf("v%d", i), fmt.Sprint(i))
	}
	bad, _ := blobPath("layer of 7")
	source.files[bad] = "layer of 8"
	err := copied(t, &Copy{Source: source, Target: target})
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !slices.Equal(corrupt.Progress.Corrupt, []string{bad}) {
		t.Fatalf("got %v", err)
	}
	want := maps.Clone(source.files)
	delete(want, bad)
	same(t, target.files, want)
}
