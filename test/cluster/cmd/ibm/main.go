// Command ibm is a stand-in for IBM Cloud as far as object storage goes (see package ibmserver). When it accepts requests
// it prints one line of JSON to standard output: {"cos":"…","services":"…","admin":"…","s3admin":"…"}.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/ibmserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "ibm:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	options := ibmserver.Options{Ready: func(a ibmserver.Addresses) { _ = json.NewEncoder(os.Stdout).Encode(a) }}
	flag.StringVar(&options.CertFile, "cert", "", "certificate for 127.0.0.1")
	flag.StringVar(&options.KeyFile, "key", "", "key of the certificate")
	flag.StringVar(&options.DataDir, "data-dir", "", "folder for the buckets")
	flag.StringVar(&options.Location, "location", "us-south", "the only location served")
	flag.StringVar(&options.Group, "group", "cluster-group", "the only resource group")
	flag.IntVar(&options.Provisioning, "provisioning", 0, "for how many looks a new instance is being provisioned")
	accounts := flag.String("accounts", "",
		`file with {"main":{"id":"…","apiKey":"…","hmac":{"accessKeyID":"…","secretAccessKey":"…"}},"other":{…}}`)
	flag.Parse()
	data, err := os.ReadFile(*accounts)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	var both struct {
		Main  ibmserver.Account `json:"main"`
		Other ibmserver.Account `json:"other"`
	}
	if err := json.Unmarshal(data, &both); err != nil {
		return fmt.Errorf("reading the accounts of %s: %w", *accounts, err)
	}
	options.Main, options.Other = both.Main, both.Other
	return ibmserver.Run(ctx, options)
}
