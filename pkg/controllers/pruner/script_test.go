package pruner

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// execution is what the script made of a command.
type execution struct {
	Status         int
	Tries          int
	Pauses         string
	Stdout, Stderr string
}

// execute runs the script with a command whose exit statuses are given, try by try, and a sleep that only takes notes.
func execute(t *testing.T, complaint string, statuses ...string) execution {
	t.Helper()
	home, bin := t.TempDir(), t.TempDir()
	program := func(name, body string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program("sleep", `printf '%s ' "$1" >>"$NOTES/pauses"`)
	program("oc", `printf x >>"$NOTES/tries"
n=$(wc -c <"$NOTES/tries")
echo "out $*"
[ -z "$COMPLAINT" ] || echo "$COMPLAINT" >&2
exit "$(echo "$STATUSES" | cut -d, -f"$((n))")"`)
	args := containerOf(render(spec{}, "")).Args
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append(args[:3:3], "oc", "two words")...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "NOTES=" + bin, "COMPLAINT=" + complaint, "STATUSES=" + strings.Join(statuses, ",")}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	note := func(name string) string {
		content, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(content)
	}
	return execution{cmd.ProcessState.ExitCode(), len(note("tries")), note("pauses"), stdout.String(), stderr.String()}
}

func TestScript(t *testing.T) {
	for _, tc := range []struct {
		name, complaint string
		statuses        []string
		want            execution
	}{
		{"a success is not repeated", "", []string{"0"}, execution{0, 1, "", "out two words\n", ""}},
		{"a warning passes through", "mind the gap", []string{"0"}, execution{0, 1, "", "out two words\n", "mind the gap\n"}},
		{
			"a failure is repeated after a pause", "",
			[]string{"3", "0"},
			execution{0, 2, "30 ", strings.Repeat("out two words\n", 2), "image-pruner: exit status 3; retry 1 of 5 in 30 seconds\n"},
		},
		{
			"no access is not tried again", "Error from server (Forbidden): images is forbidden",
			[]string{"1"},
			execution{1, 1, "", "out two words\n", "Error from server (Forbidden): images is forbidden\nimage-pruner: refused by the API server; not trying again\n"},
		},
		{
			"a success beside a refusal is one", "Error from server (Forbidden): one of many",
			[]string{"0"},
			execution{0, 1, "", "out two words\n", "Error from server (Forbidden): one of many\n"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, execute(t, tc.complaint, tc.statuses...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestScriptGivesUpWithTheLastStatus(t *testing.T) {
	got := execute(t, "broken", "1", "2", "3", "4", "5", "6")
	if got.Status != 6 || got.Tries != 6 || got.Pauses != "30 60 90 120 150 " {
		t.Errorf("%+v", got)
	}
	for _, line := range []string{"exit status 1; retry 1 of 5 in 30 seconds", "exit status 5; retry 5 of 5 in 150 seconds"} {
		if !strings.Contains(got.Stderr, line) {
			t.Errorf("%q is missing in\n%s", line, got.Stderr)
		}
	}
}
