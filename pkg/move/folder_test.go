package move

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Other users of the group have to be able to write where the registry does not own the files.
func TestFoldersAreForTheGroup(t *testing.T) {
	before := syscall.Umask(0o002)
	defer syscall.Umask(before)
	f, dir := folder(t)
	if err := f.Write(t.Context(), "a/b/c", 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"a": 0o775, "a/b": 0o775, "a/b/c": 0o664} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestAFolderKeepsToItself(t *testing.T) {
	f, dir := folder(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(t.Context(), "link"); err == nil {
		t.Error("a link out of the folder was followed")
	}
	if got := all(t, f); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if _, err := f.Open(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := f.List(t.Context(), "not/there/", func(storage.File) error { return nil }); err != nil {
		t.Errorf("listing a folder that is not there: %v", err)
	}
	for name, size := range map[string]int64{"too/short": 3, "too/long": 1} {
		if err := f.Write(t.Context(), name, size, strings.NewReader("ab")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if got := all(t, f); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}
