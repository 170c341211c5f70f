package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// unmapCode unmaps the process's own code. What is run again is mapped again, at a page fault each; what is not, the kernel can
// drop when memory is short: mapped code it keeps the longest. Mappings with data are left alone, read-only ones too: a dynamic
// linker may have written to them.
func unmapCode() error {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("reading the mappings of the process: %w", err)
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("reading the name of the program: %w", err)
	}
	code := codeOf(string(maps), self)
	if len(code) == 0 {
		return errors.New("no mapping is known as code of " + self)
	}
	for _, m := range code {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("unmapping code of %s: %w", self, errno)
		}
	}
	return nil
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// codeOf finds the executable mappings of a program in what the kernel prints of a process.
func codeOf(maps, program string) []mapping {
	var code []mapping
	for line := range strings.Lines(maps) {
		var m mapping
		var rights, offset, device, inode, file string
		if _, err := fmt.Sscanf(line, "%x-%x %s %s %s %s %s", &m.start, &m.end, &rights, &offset, &device, &inode, &file); err != nil {
			continue // no file
		}
		if rights == "r-xp" && file == program {
			code = append(code, m)
		}
	}
	return code
}
