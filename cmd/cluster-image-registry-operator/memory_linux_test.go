package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCodeIsFoundAmongMappings(t *testing.T) {
	const maps = `00400000-016fd000 r-xp 00000000 fe:00 9977911                            /usr/bin/operator
016fd000-02b45000 r--p 012fd000 fe:00 9977911                            /usr/bin/operator
02b45000-02be1000 rw-p 02745000 fe:00 9977911                            /usr/bin/operator
379073800000-379075000000 rw-p 00000000 00:00 0 
7f62b5ee0000-7f62b6400000 r-xp 00000000 fe:00 12                         /usr/lib/libc.so.6
7ffd1b5f2000-7ffd1b5f4000 r-xp 00000000 00:00 0                          [vdso]
`
	want := []mapping{{0x400000, 0x16fd000}}
	if got := codeOf(maps, "/usr/bin/operator"); !slices.Equal(got, want) {
		t.Errorf("code at %x, want %x", got, want)
	}
}

func TestCodeCanBeUnmapped(t *testing.T) {
	before := residentCode(t)
	if err := unmapCode(); err != nil {
		t.Fatal(err)
	}
	if after := residentCode(t); after >= before {
		t.Errorf("%d kB of code are resident, %d were", after, before)
	}
}

// residentCode is how much of this program's code is mapped, in kB.
func residentCode(t *testing.T) int {
	t.Helper()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	total, inCode := 0, false
	for line := range strings.Lines(string(smaps)) {
		if strings.Contains(line, "-") && !strings.Contains(line, ": ") {
			inCode = len(codeOf(line, self)) > 0
		}
		var kB int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &kB); err == nil && inCode {
			total += kB
		}
	}
	if total == 0 {
		t.Fatalf("no code of %s is resident:\n%s", self, smaps)
	}
	return total
}
