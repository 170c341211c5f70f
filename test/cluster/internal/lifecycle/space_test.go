package lifecycle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachDiskIsLookedAt(t *testing.T) {
	const builds, modules, temporary, home = "/caches/build", "/caches/modules", "/temporary", "/caches/cluster"
	folders := goFolders{Builds: builds, Modules: modules, Temporary: temporary}
	const coldAll = clusterSpace + coldBuilds + coldModules + linking
	for _, c := range []struct {
		name  string
		built bool
		// have is what the caches hold.
		have map[string]uint64
		// disks are the file systems by folder, one for all where there is no entry.
		disks map[string]disk
		err   []string
		cure  string
	}{
		{name: "one disk, just enough", disks: map[string]disk{"": {"a", coldAll}}},
		{
			name: "one disk, a MiB too little", disks: map[string]disk{"": {"a", coldAll - 1}},
			err:  []string{home + ", " + builds + ", " + modules + ", " + temporary + ": 9471 MiB of free disk space, 9472 are needed"},
			cure: "CLUSTER_HOME=/another/folder GOCACHE=/another/folder GOMODCACHE=/another/folder TMPDIR=/another/folder",
		},
		{
			name: "the build cache on a small disk", disks: map[string]disk{"": {"a", coldAll}, builds: {"b", 2000}},
			err: []string{builds + ": 2000 MiB of free disk space, 6144 are needed"}, cure: "GOCACHE=/another/folder",
		},
		{
			name: "two small disks", disks: map[string]disk{"": {"a", 1}, modules: {"b", 2}},
			err: []string{": 1 MiB of free", modules + ": 2 MiB of free"}, cure: "GOMODCACHE=/another/folder",
		},
		{
			name: "caches that hold a part", have: map[string]uint64{builds: 4000, modules: 9000},
			disks: map[string]disk{"": {"a", clusterSpace + coldBuilds - 4000 + linking}},
		},
		{name: "programs that are built", built: true, disks: map[string]disk{"": {"a", clusterSpace}, builds: {"b", 0}, modules: {"c", 0}, temporary: {"d", 0}}},
		{
			name: "programs that are built, no space for a cluster", built: true, disks: map[string]disk{"": {"a", clusterSpace - 1}},
			err: []string{home + ": 1023 MiB of free disk space, 1024 are needed"}, cure: "CLUSTER_HOME=/another/folder",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := needs(home, c.built, folders, func(folder string) uint64 { return c.have[folder] })
			err := enoughSpace(list, func(folder string) (disk, error) {
				if d, own := c.disks[folder]; own {
					return d, nil
				}
				return c.disks[""], nil
			})
			if (err == nil) != (c.err == nil) || !strings.HasSuffix(CureOf(err), c.cure) {
				t.Fatalf("error %v with cure %q", err, CureOf(err))
			}
			for _, want := range c.err {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
		})
	}
	broken := errors.New("no such disk")
	if err := enoughSpace([]need{{folder: home}}, func(string) (disk, error) { return disk{}, broken }); !errors.Is(err, broken) {
		t.Errorf("a disk that cannot be looked at: %v", err)
	}
}

func TestFoldersThatAreToCome(t *testing.T) {
	dir := t.TempDir()
	there, err := diskOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if later, err := diskOf(filepath.Join(dir, "a", "b")); err != nil || later.device != there.device {
		t.Errorf("a folder that is to come: %+v, %v; its parent %+v", later, err, there)
	}
	if size := folderSize(filepath.Join(dir, "a")); size != 0 {
		t.Errorf("a folder that is to come holds %d MiB", size)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if size := folderSize(dir); size != 3 {
		t.Errorf("a file of 3 MiB counts as %d", size)
	}
}
