package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/nodeca"
)

// onNode are the folders as DaemonSet node-ca mounts them.
var onNode = nodeca.Folders{Source: "/tmp/serviceca", Destination: "/etc/docker/certs.d"}

// newNodeCACommand is the program of DaemonSet node-ca. It has no flags and ends with the context.
func newNodeCACommand(run func(context.Context, nodeca.Folders, clock.WithTicker)) *cobra.Command {
	return &cobra.Command{
		Use:   "node-ca-sync",
		Short: "Brings certificate authorities to where the container runtime of a node looks for them",
		Args:  cobra.NoArgs,
		Run: func(command *cobra.Command, _ []string) {
			run(command.Context(), onNode, clock.RealClock{})
		},
	}
}
