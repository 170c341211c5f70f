package main

import (
	"context"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
)

// inMove are the folders as Job image-registry-move mounts them.
var inMove = move.Folders{Input: "/etc/move", Source: "/source", Target: "/target", Scratch: "/tmp"}

// newMoveCommand is the program of Job image-registry-move.
func newMoveCommand(run func(ctx context.Context, folders move.Folders, keepTarget bool) error) *cobra.Command {
	keepTarget := false
	command := &cobra.Command{
		Use:   "move-images",
		Short: "Copies the images of one storage to another",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			// The registry has the same group, and has to be able to write what is made here.
			syscall.Umask(0o002)
			return run(command.Context(), inMove, keepTarget)
		},
	}
	command.Flags().BoolVar(&keepTarget, "keep-target", false, "leave what the target has as it is: a registry writes to it")
	return command
}
