// Command swift runs an OpenStack object storage for tests (see package swiftserver). When it accepts requests it prints
// one line of JSON to standard output: {"ready":true,"tls":"…","admin":"…"}; where Swift is not there it prints
// {"ready":false,"missing":"…"} and ends with code 0, as that is no failure of the machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/swiftserver"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "swift:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var options swiftserver.Options
	var directory string
	cmd := &cobra.Command{
		Use:           "swift",
		Short:         "OpenStack object storage for tests",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := os.ReadFile(directory)
			if err == nil {
				err = json.Unmarshal(data, &options.Directory)
			}
			if err != nil {
				return fmt.Errorf("reading the directory of users: %w", err)
			}
			options.Ready = func(at swiftserver.Addresses) {
				announce(struct {
					Ready bool `json:"ready"`
					swiftserver.Addresses
				}{true, at})
			}
			err = swiftserver.Run(cmd.Context(), options)
			if errors.Is(err, swiftserver.ErrMissing) {
				announce(map[string]any{"ready": false, "missing": err.Error()})
				return nil
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Packages, "packages", packages(), "folder into which Debian's packages of Swift were unpacked")
	flags.StringVar(&options.Keystone, "keystone", "", "folder into which Debian's packages of Keystone were unpacked; without it a stand-in serves")
	flags.StringVar(&options.DataDir, "data-dir", "", "folder for objects, configuration and logs")
	flags.StringVar(&options.CertFile, "cert", "", "certificate for 127.0.0.1")
	flags.StringVar(&options.KeyFile, "key", "", "key of the certificate")
	flags.StringVar(&directory, "directory", "",
		"file with users, projects and application credentials as JSON: a flag would show secrets in the process list")
	return cmd
}

// packages is where `cluster install` unpacks them: two folders above that of this program, which is bin/swift-…/swift of
// the cluster's home.
func packages() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(program), "..", "..", "swift")
}

func announce(line any) { _ = json.NewEncoder(os.Stdout).Encode(line) }
