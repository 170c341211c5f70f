// Command gcs runs Google Cloud Storage for tests (see package gcsserver). When it accepts requests it prints one line of
// JSON to standard output: {"ready":true,"tls":"…","admin":"…"}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/gcsserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gcs:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var options gcsserver.Options
	var accountsFile string
	cmd := &cobra.Command{
		Use:           "gcs",
		Short:         "Google Cloud Storage for tests",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := os.ReadFile(accountsFile)
			if err != nil {
				return fmt.Errorf("reading the accounts: %w", err)
			}
			if err := json.Unmarshal(data, &options.Accounts); err != nil {
				return fmt.Errorf("reading the accounts of %s: %w", accountsFile, err)
			}
			options.Ready = announce
			return gcsserver.Run(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.ListenTLS, "listen-tls", "127.0.0.1:0", "address of the APIs")
	flags.StringVar(&options.ListenAdmin, "listen-admin", "127.0.0.1:0", "address of the admin API")
	flags.StringVar(&options.CertFile, "cert", "", "certificate for the names that clients use")
	flags.StringVar(&options.KeyFile, "key", "", "key of the certificate")
	flags.StringVar(&accountsFile, "accounts", "", "file with the accounts, as JSON")
	return cmd
}

func announce(addresses gcsserver.Addresses) {
	_ = json.NewEncoder(os.Stdout).Encode(struct {
		Ready bool `json:"ready"`
		gcsserver.Addresses
	}{true, addresses})
}
