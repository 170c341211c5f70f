package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestControllersThatAreSwitchedOn(t *testing.T) {
	const all = "cpuset cpu io memory hugetlb pids rdma misc\n"
	for _, c := range []struct{ name, has, on, want string }{
		{"nothing is on", all, "\n", "cpuset cpu io memory hugetlb pids"},
		{"a part is on, as systemd leaves it", all, "cpu memory pids\n", "cpuset io hugetlb"},
		{"all are on", all, all, ""},
		{"a kernel without some", "cpu memory\n", "memory\n", "cpu"},
		{"the controllers are those of version 1", "\n", "\n", ""},
		{"a name that begins like one that is on", all, "cpuset io memory hugetlb pids\n", "cpu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(switchedOff(c.has, c.on), " "); got != c.want {
				t.Errorf("switched on: %q, want %q", got, c.want)
			}
		})
	}
}

func TestSwitchingOnIsTriedOnlyWhereItIsNeeded(t *testing.T) {
	group := t.TempDir()
	if err := switchOn(group); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no cgroup: %v", err)
	}
	control := filepath.Join(group, "cgroup.subtree_control")
	for file, content := range map[string]string{filepath.Join(group, "cgroup.controllers"): "cpu memory\n", control: "memory cpu\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := switchOn(group); err != nil {
		t.Fatal(err)
	}
	// A file takes what is written as it is; the kernel's would not show a sign.
	if data, err := os.ReadFile(control); err != nil || string(data) != "memory cpu\n" {
		t.Errorf("controllers that are on are written again: %q, %v", data, err)
	}
	if err := os.WriteFile(control, []byte("memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := switchOn(group); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(control); err != nil || string(data) != "+cpu" {
		t.Errorf("one that is off is not written: %q, %v", data, err)
	}
}
