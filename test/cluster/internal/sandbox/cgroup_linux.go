package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupMount = "/sys/fs/cgroup"

// CgroupRoot is the cgroup below which everything of a cluster's pods lives, as a path inside the hierarchies. The
// kubelet gets it as cgroupRoot. The kernel removes cgroups for nobody, so a name of the cluster's own makes it possible
// to remove exactly its groups.
func CgroupRoot(cluster string) string { return "/cluster-" + cluster }

// IsCgroupV2 tells whether the machine has the unified hierarchy only.
func IsCgroupV2() bool {
	var stat unix.Statfs_t
	return unix.Statfs(cgroupMount, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC
}

// CreateCgroups creates the cluster's root in every hierarchy; the kubelet refuses a root that does not exist.
func CreateCgroups(cluster string, nodes int) error {
	for _, hierarchy := range hierarchies() {
		root := filepath.Join(hierarchy, CgroupRoot(cluster))
		dirs := []string{root}
		for index := range nodes {
			dirs = append(dirs, filepath.Join(root, "node-"+strconv.Itoa(index)))
		}
		for _, dir := range dirs {
			if err := createCgroup(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func createCgroup(dir string) error {
	if IsCgroupV2() {
		if err := switchOn(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating cgroup %s: %w", dir, err)
	}
	if IsCgroupV2() {
		return nil
	}
	// Version 1: a group without processors and memory nodes of its own cannot hold a process.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s of the parent of %s: %w", file, dir, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), value, 0o644); err != nil {
			return fmt.Errorf("writing %s of cgroup %s: %w", file, dir, err)
		}
	}
	return nil
}

// controllers are those that kubelet and runc use.
var controllers = []string{"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}

// switchOn gives the children of a group of version 2 their controllers, as far as the group has them itself. In the
// machine's root group they stay on for good. Switching one off takes it from every group there, with the limits that
// somebody may have set by then, and nothing tells who counts on it; switched on it limits nothing by itself.
func switchOn(group string) error {
	has, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading which controllers cgroup %s has: %w", group, err)
	}
	control := filepath.Join(group, "cgroup.subtree_control")
	on, err := os.ReadFile(control)
	if err != nil {
		return fmt.Errorf("reading which controllers are on below cgroup %s: %w", group, err)
	}
	for _, controller := range switchedOff(string(has), string(on)) {
		if err := os.WriteFile(control, []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("switching on controller %s below cgroup %s: %w", controller, group, err)
		}
	}
	return nil
}

// switchedOff are the controllers that a group has and its children lack.
func switchedOff(has, on string) []string {
	var off []string
	for _, controller := range controllers {
		if slices.Contains(strings.Fields(has), controller) && !slices.Contains(strings.Fields(on), controller) {
			off = append(off, controller)
		}
	}
	return off
}

// RemoveCgroups kills what is left in the cluster's groups and removes them. A killed process leaves its group a little
// later than it leaves the process table, hence the patience.
func RemoveCgroups(cluster string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		err := removeOnce(cluster)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

func removeOnce(cluster string) error {
	var failed []error
	for _, hierarchy := range hierarchies() {
		groups := subgroups(filepath.Join(hierarchy, CgroupRoot(cluster)))
		for _, group := range groups {
			killMembers(group)
			if err := unix.Rmdir(group); err != nil && !errors.Is(err, unix.ENOENT) {
				failed = append(failed, fmt.Errorf("removing cgroup %s: %w", group, err))
			}
		}
	}
	return errors.Join(failed...)
}

// subgroups lists a group and all below it, the deepest first.
func subgroups(root string) []string {
	var groups []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil // a group that has gone meanwhile is what we want
	})
	sort.Slice(groups, func(i, j int) bool { return len(groups[i]) > len(groups[j]) })
	return groups
}

func killMembers(group string) {
	data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, field := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// hierarchies are the mounted cgroup file systems: one with version 2; with version 1 one per controller and, on hybrid
// systems, a version 2 one beside them without controllers, in which runc creates groups as well.
func hierarchies() []string {
	if IsCgroupV2() {
		return []string{cgroupMount}
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil
	}
	var found []string
	for _, entry := range entries {
		path := filepath.Join(cgroupMount, entry.Name())
		var stat unix.Statfs_t
		// Links such as cpu -> cpu,cpuacct show the same hierarchy again and are left out.
		isCgroup := unix.Statfs(path, &stat) == nil && (stat.Type == unix.CGROUP_SUPER_MAGIC || stat.Type == unix.CGROUP2_SUPER_MAGIC)
		if entry.IsDir() && isCgroup {
			found = append(found, path)
		}
	}
	return found
}
