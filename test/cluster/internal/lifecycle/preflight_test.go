package lifecycle

import (
	"errors"
	"strings"
	"testing"
)

func TestFilesystemsOfTheKernel(t *testing.T) {
	const basic, overlay = "nodev\tsysfs\nnodev\ttmpfs\n\text4\n", "nodev\toverlay\n"
	for _, c := range []struct {
		name string
		// first is what the kernel lists, loaded what it lists once it was asked to load something.
		first, loaded string
		asked, want   string
	}{
		{"all are in the kernel", basic + overlay, "", "", ""},
		{"a module that nobody has used yet", basic, basic + overlay, "overlay", ""},
		{"no such module", basic, basic, "overlay", `no file system "overlay"`},
		{"a name that only begins like it", basic + "nodev\toverlayfs\n", basic + "\toverlayfs\n", "overlay", `no file system "overlay"`},
		{"a kernel without tmpfs", overlay, overlay, "tmpfs", `no file system "tmpfs"`},
		{"a list without an end of line", basic + strings.TrimSpace(overlay), "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, asked := c.first, ""
			err := checkFilesystems(func() (string, error) { return list, nil }, func(name string) { list, asked = c.loaded, asked+name })
			if asked != c.asked {
				t.Errorf("the kernel was asked for %q, want %q", asked, c.asked)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(CureOf(err), "modprobe")) {
				t.Errorf("error %v with cure %q, want %q", err, CureOf(err), c.want)
			}
		})
	}
	unreadable := errors.New("no /proc")
	if err := checkFilesystems(func() (string, error) { return "", unreadable }, func(string) {}); !errors.Is(err, unreadable) {
		t.Errorf("a list that cannot be read: %v", err)
	}
}
