// Command azure runs the Azure of the tests (see package azureserver). When it accepts requests it prints one line of JSON
// to standard output: {"ready":true,"tls":"…","admin":"…","proxy":"…"}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/azureserver"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "azure:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var options azureserver.Options
	var identityFile string
	cmd := &cobra.Command{
		Use: "azure", Short: "Azure for tests", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := os.ReadFile(identityFile)
			if err != nil {
				return fmt.Errorf("reading the identity: %w", err)
			}
			if err := json.Unmarshal(text, &options.Identity); err != nil {
				return fmt.Errorf("reading the identity of %s: %w", identityFile, err)
			}
			options.Ready = func(addresses azureserver.Addresses) {
				_ = json.NewEncoder(os.Stdout).Encode(struct {
					Ready bool `json:"ready"`
					azureserver.Addresses
				}{true, addresses})
			}
			return azureserver.Run(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.ListenTLS, "listen-tls", "127.0.0.1:0", "address of all the names of the domain")
	flags.StringVar(&options.ListenAdmin, "listen-admin", "127.0.0.1:0", "address of the admin API")
	flags.StringVar(&options.ListenProxy, "listen-proxy", "127.0.0.1:0", "address of a CONNECT proxy to the names")
	flags.StringVar(&options.CertFile, "cert", "", "certificate for the names")
	flags.StringVar(&options.KeyFile, "key", "", "key of the certificate")
	flags.StringVar(&options.Domain, "domain", "azure.test", "domain of the names")
	flags.BoolVar(&options.PublicCloud, "public-cloud", false, "serve the names of the public cloud as well")
	flags.StringVar(&options.DataDir, "data-dir", "", "folder for the blobs")
	flags.StringVar(&options.Azurite, "azurite", "", "folder of the npm package azurite")
	flags.StringVar(&options.Node, "node", "node", "program that runs azurite")
	flags.StringVar(&identityFile, "identity", "", "file with tenant, client, secret and the like: a flag would show secrets in the process list")
	return cmd
}
