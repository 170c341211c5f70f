package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/controlplane"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/pki"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/credentials"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/proxy"
)

// s3Config is how the S3 server listens, and who may use it.
type s3Config struct {
	Binary  string  `json:"binary"`
	TLS     string  `json:"tls"`
	Admin   string  `json:"admin"`
	Proxy   string  `json:"proxy"`
	Account S3State `json:"account"`
}

// startS3 starts the S3 server with empty storage.
func (e *engine) startS3(ctx context.Context) error {
	domain, sts := addresses.S3Domain(e.Options.Region), addresses.STSHost(e.Options.Region)
	serving, err := e.creds.CA.Issue(pki.Request{
		File: "s3", CommonName: domain,
		// A client that is given an endpoint puts the bucket in front of the name. The addresses are the machine's.
		Hosts: []string{domain, "*." + domain, sts, "127.0.0.1", "::1"},
	})
	if err != nil {
		return err
	}
	account := e.S3.Account
	accounts := s3server.Accounts{
		Main:  s3server.Account{AccessKeyID: account.AccessKeyID, SecretAccessKey: account.SecretAccessKey},
		Other: s3server.Account{AccessKeyID: account.OtherAccessKeyID, SecretAccessKey: account.OtherSecretAccessKey},
	}
	accountsFile := e.Paths.join("control-plane", "s3-accounts.json")
	if err := writeJSON(accountsFile, accounts); err != nil {
		return err
	}
	if err := os.MkdirAll(e.Paths.s3(), 0o755); err != nil {
		return fmt.Errorf("creating the S3 server's storage: %w", err)
	}
	if _, err := e.group.Start(process.Spec{
		Name: "s3", Path: e.S3.Binary, Env: os.Environ(),
		Args: []string{
			"s3",
			"--listen-tls=" + e.S3.TLS, "--listen-admin=" + e.S3.Admin, "--listen-proxy=" + e.S3.Proxy,
			"--cert=" + serving.Cert, "--key=" + serving.Key,
			"--domain=" + domain, "--region=" + e.Options.Region,
			"--data-dir=" + e.Paths.s3(), "--accounts=" + accountsFile,
			"--sts-host=" + sts, "--token-key=" + e.creds.TokenKey, "--token-issuer=" + controlplane.TokenIssuer, "--token-audience=openshift",
		},
	}); err != nil {
		return err
	}
	if err := e.waitListening(ctx, "the S3 server", e.S3.TLS); err != nil {
		return err
	}
	e.events.step("S3 server is ready: %s", account.Endpoint)
	return nil
}

func (e *engine) waitListening(ctx context.Context, name, address string) error {
	return e.group.Until(ctx, name, 30*time.Second, func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("dialling %s: %w", address, err)
		}
		return conn.Close()
	})
}

// seedAndStandIns makes the bare Kubernetes look like an OpenShift cluster, and then keeps doing what OpenShift's own
// operators would.
func (e *engine) seedAndStandIns(ctx context.Context) error {
	if e.Options.NoSeed {
		return nil
	}
	if err := e.seed(ctx); err != nil {
		return err
	}
	e.events.step("OpenShift's CRDs and configuration objects are there (platform %s)", e.Options.Platform)
	if e.Options.NoStandIns {
		return nil
	}
	config, err := e.creds.User(e.Control, "cluster-stand-ins", "system:masters")
	if err != nil {
		return err
	}
	// A process of its own: its requests have a user of their own in the audit log, its messages a log of their own.
	_, err = e.group.Start(process.Spec{
		Name: "stand-ins", Path: e.Self, Env: os.Environ(),
		Args: []string{"cluster", "stand-ins", "--config", e.Paths.engineConfig(), "--kubeconfig", config},
	})
	return err
}

// seedAttempts is how often seeding is tried when the API server does not answer in time.
const seedAttempts = 4

// seed writes the OpenShift objects. On a busy machine the first request for an object of a CRD that has just been
// established was seen to hang until the API server's own limit of 34 s; the same request sent again is answered at once.
// (Probably it got hold of the storage that the API server replaces when the CRD's status changes.)
func (e *engine) seed(ctx context.Context) error {
	config := rest.CopyConfig(e.admin)
	config.Timeout = 8 * time.Second
	var err error
	for range seedAttempts {
		err = seed.Apply(ctx, config, e.seedOptions())
		var timeout net.Error
		late := apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || errors.As(err, &timeout) && timeout.Timeout()
		if !late || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("seeding the cluster: %w", err)
	}
	return nil
}

func (e *engine) seedOptions() seed.Options {
	options := seed.Options{
		Platform:             configv1.PlatformType(e.Options.Platform),
		Region:               e.Options.Region,
		Topology:             configv1.TopologyMode(e.Options.topology()),
		Version:              e.Options.Version,
		APIServerURL:         e.HostAPIServer,
		APIServerInternalURL: e.Control.Server(),
	}
	if options.Platform == configv1.AWSPlatformType {
		options.S3 = seed.S3{Endpoint: e.S3.Account.Endpoint, STSEndpoint: e.S3.Account.STSEndpoint, CABundle: e.creds.CA.CertPEM()}
	}
	for index := range e.Options.Nodes {
		name := addresses.NodeName(index)
		for volume := range addresses.LocalVolumes {
			options.LocalVolumes = append(options.LocalVolumes, seed.LocalVolume{
				Name: fmt.Sprintf("%s-%d", name, volume), Path: addresses.LocalVolumePath(volume), Node: name,
			})
		}
	}
	return options
}

// systemCAs are where distributions keep what a machine trusts.
var systemCAs = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// RunStandIns is the main function of the stand-ins' process.
func RunStandIns(ctx context.Context, configPath, kubeconfig string) error {
	config, err := readEngineConfig(configPath)
	if err != nil {
		return err
	}
	client, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	options := standin.Options{
		ReleaseDir: config.Paths.Release(),
		Networks: proxy.Networks{
			Cluster: config.Options.Family.Pods(), Service: config.Options.Family.Services(),
			Machine: config.Options.Family.Nodes(), APIServer: config.Control.Advertise,
		},
	}
	if options.SystemCABundle, err = systemBundle(); err != nil {
		return err
	}
	if configv1.PlatformType(config.Options.Platform) == configv1.AWSPlatformType {
		options.Credentials = credentials.Options{Kind: "AWSProviderSpec", Data: map[string][]byte{
			"aws_access_key_id":     []byte(config.S3.Account.AccessKeyID),
			"aws_secret_access_key": []byte(config.S3.Account.SecretAccessKey),
		}}
	}
	return standin.Run(ctx, client, options)
}

func systemBundle() ([]byte, error) {
	for _, path := range systemCAs {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
		}
		return data, nil
	}
	return nil, nil // a machine that trusts nobody
}
