package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
)

func TestMoveImages(t *testing.T) {
	for _, tc := range []struct {
		name    string
		args    []string
		keep    bool
		wantErr string
	}{
		{name: "the first pass", args: []string{"move-images"}},
		{name: "the second pass", args: []string{"move-images", "--keep-target"}, keep: true},
		{name: "the operator's flags are not its own", args: []string{"move-images", "--kubeconfig=/k"}, wantErr: "unknown flag"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got move.Folders
			keep := false
			err := runSubcommand(t, newMoveCommand(func(_ context.Context, folders move.Folders, keepTarget bool) error {
				got, keep = folders, keepTarget
				return nil
			}), tc.args)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			want := move.Folders{Input: "/etc/move", Source: "/source", Target: "/target", Scratch: "/tmp"}
			if err != nil || got != want || keep != tc.keep {
				t.Errorf("ran with %v, %v, error %v", got, keep, err)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	if got := exitCode(errors.New("any")); got != 1 {
		t.Errorf("an error ends with %d", got)
	}
	if got := exitCode(fmt.Errorf("copying: %w", &move.CorruptError{})); got != 3 {
		t.Errorf("a corrupt source ends with %d, which is not what the Job takes for the end", got)
	}
}
