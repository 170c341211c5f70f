// Command s3 runs the S3 server of a test cluster (see package s3server). When it accepts requests it prints one
// line of JSON to standard output: {"ready":true,"tls":"…","admin":"…","proxy":"…"}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var options s3server.Options
	var accountsFile string
	cmd := &cobra.Command{
		Use:           "s3",
		Short:         "S3 endpoint of a test cluster",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			accounts, err := readAccounts(accountsFile)
			if err != nil {
				return err
			}
			options.Accounts = accounts
			options.Ready = announce
			return s3server.Run(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.ListenTLS, "listen-tls", "127.0.0.1:0", "address of the S3 endpoint")
	flags.StringVar(&options.ListenAdmin, "listen-admin", "127.0.0.1:0", "address, or path of a unix socket, of the admin API")
	flags.StringVar(&options.ListenProxy, "listen-proxy", "", "address of a CONNECT proxy to the S3 names; empty for none")
	flags.StringVar(&options.CertFile, "cert", "", "certificate for the domain and its wildcard")
	flags.StringVar(&options.KeyFile, "key", "", "key of the certificate")
	flags.StringVar(&options.Domain, "domain", "s3.us-east-1.cluster.test", "host name of the endpoint")
	flags.StringVar(&options.Region, "region", "us-east-1", "the only region served")
	flags.StringVar(&options.DataDir, "data-dir", "", "folder for buckets and settings")
	flags.StringVar(&options.Identity.Host, "sts-host", "", "name of STS; the certificate has to be for it, too")
	flags.StringVar(&options.Identity.KeyFile, "token-key", "", "public key (PEM) of the issuer of tokens; without it there is no STS")
	flags.StringVar(&options.Identity.Issuer, "token-issuer", "https://kubernetes.default.svc", "issuer of tokens that roles can be assumed with")
	flags.StringVar(&options.Identity.Audience, "token-audience", "openshift", "audience of tokens that roles can be assumed with")
	flags.BoolVar(&options.Versioning, "versioning", false, "let clients turn on versions for their buckets")
	flags.StringVar(&accountsFile, "accounts", "",
		`file with {"main":{"accessKeyID":"…","secretAccessKey":"…"},"other":{…}}: a flag would show secrets in the process list`)
	return cmd
}

func readAccounts(file string) (s3server.Accounts, error) {
	var accounts s3server.Accounts
	data, err := os.ReadFile(file)
	if err != nil {
		return accounts, fmt.Errorf("reading the accounts: %w", err)
	}
	if err := json.Unmarshal(data, &accounts); err != nil {
		return accounts, fmt.Errorf("reading the accounts of %s: %w", file, err)
	}
	return accounts, nil
}

func announce(addresses s3server.Addresses) {
	_ = json.NewEncoder(os.Stdout).Encode(struct {
		Ready bool `json:"ready"`
		s3server.Addresses
	}{true, addresses})
}
