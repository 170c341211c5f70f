package lifecycle

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// need is a folder that a start writes to, and how many MiB.
type need struct {
	folder string
	mib    uint64
	// elsewhere is how to use another folder.
	elsewhere string
}

// What `make run` was seen to write, in MiB; hack/lib.sh, which looks before the first build, has the same numbers.
const (
	// clusterSpace is for a cluster's etcd, images and logs, and for the programs and images it is made of.
	clusterSpace = 1024
	// coldBuilds and coldModules are for the go command's caches when nothing has been built.
	coldBuilds, coldModules = 6144, 2048
	// linking is for the linker's temporary files.
	linking = 256
)

// goFolders are where the go command writes.
type goFolders struct {
	Builds    string `json:"GOCACHE"`
	Modules   string `json:"GOMODCACHE"`
	Temporary string `json:"GOTMPDIR"`
}

// needs lists what is written: with the programs built only what a cluster takes. What the caches hold already is not
// written again; size measures them.
func needs(home string, built bool, folders goFolders, size func(folder string) uint64) []need {
	list := []need{{home, clusterSpace, "CLUSTER_HOME=/another/folder"}}
	if built {
		return list
	}
	rest := func(cold uint64, folder string) uint64 {
		if have := size(folder); have < cold {
			return cold - have
		}
		return 0
	}
	return append(list,
		need{folders.Builds, rest(coldBuilds, folders.Builds), "GOCACHE=/another/folder"},
		need{folders.Modules, rest(coldModules, folders.Modules), "GOMODCACHE=/another/folder"},
		need{cmp.Or(folders.Temporary, os.TempDir()), linking, "TMPDIR=/another/folder"},
	)
}

// disk is a file system.
type disk struct {
	device string
	free   uint64 // MiB
}

// enoughSpace adds up what is needed on each disk and compares it with what is free there.
func enoughSpace(list []need, diskOf func(folder string) (disk, error)) error {
	var disks []disk
	needed := map[string][]need{}
	for _, n := range list {
		d, err := diskOf(n.folder)
		if err != nil {
			return fmt.Errorf("looking for disk space at %s: %w", n.folder, err)
		}
		if needed[d.device] == nil {
			disks = append(disks, d)
		}
		needed[d.device] = append(needed[d.device], n)
	}
	var short []error
	var elsewhere []string
	for _, d := range disks {
		var total uint64
		var folders []string
		for _, n := range needed[d.device] {
			total += n.mib
			folders = append(folders, n.folder)
		}
		if d.free >= total {
			continue
		}
		short = append(short, fmt.Errorf("%s: %d MiB of free disk space, %d are needed", strings.Join(folders, ", "), d.free, total))
		for _, n := range needed[d.device] {
			elsewhere = append(elsewhere, n.elsewhere)
		}
	}
	return Cure(errors.Join(short...), "make space, or use another disk: "+strings.Join(elsewhere, " "))
}

// checkSpace looks at each disk that a start writes to.
func checkSpace(ctx context.Context, home string, built bool) error {
	var folders goFolders
	if !built {
		output, err := exec.CommandContext(ctx, "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOTMPDIR").Output()
		// Without a go command it is the build that fails.
		if err != nil || json.Unmarshal(output, &folders) != nil {
			built = true
		}
	}
	return enoughSpace(needs(home, built, folders, folderSize), diskOf)
}

// folderSize is about how many MiB the files of a folder take; a cache that changes meanwhile does not matter.
func folderSize(folder string) uint64 {
	var bytes int64
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil // what cannot be read counts nothing
	})
	return uint64(bytes) >> 20
}

// diskOf looks at the disk on which a folder is or is going to be.
func diskOf(folder string) (disk, error) {
	var info unix.Stat_t
	for {
		err := unix.Stat(folder, &info)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.ENOENT) || folder == filepath.Dir(folder) {
			return disk{}, err
		}
		folder = filepath.Dir(folder)
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return disk{}, err
	}
	return disk{device: fmt.Sprint(info.Dev), free: stat.Bavail * uint64(stat.Bsize) >> 20}, nil
}
