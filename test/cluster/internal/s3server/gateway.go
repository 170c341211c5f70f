package s3server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

const (
	// maxCopy is S3's limit for the source of a copy: 5 GiB.
	maxCopy = 5 << 30
	// connections bounds what is handled at once; no test comes near.
	connections = 4096
)

// gateway is versitygw on a socket of its own that only the front knows.
type gateway struct {
	backend   *posix.Posix
	socket    string
	transport *http.Transport
	tenants   *tenants
	ended     chan error
}

// startGateway returns when the gateway accepts requests. It ends with ctx; then ended holds its result.
func startGateway(ctx context.Context, o Options) (*gateway, error) {
	backend, err := newBackend(o.DataDir, o.Versioning)
	if err != nil {
		return nil, err
	}
	socket, clean, err := newSocket()
	if err != nil {
		return nil, err
	}
	gw := &gateway{backend: backend, socket: socket, ended: make(chan error, 1)}
	gw.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		// The transport may not touch a signed request.
		DisableCompression: true,
		// versitygw ends the connection after each answer; see KeepAlive below.
		DisableKeepAlives: true,
	}
	listening := make(chan struct{})
	gw.tenants = newTenants(o.Accounts)
	config := gatewayConfig(o, socket)
	config.IAMService = gw.tenants
	config.S3Options = []s3api.Option{s3api.WithOnListen(func() { close(listening) })}
	go func() {
		defer clean()
		gw.ended <- embedgw.RunVersityGW(ctx, backend, config)
	}()
	select {
	case <-listening:
		return gw, nil
	case err := <-gw.ended:
		return nil, fmt.Errorf("starting versitygw: %w", err)
	}
}

func gatewayConfig(o Options, socket string) *embedgw.Config {
	return &embedgw.Config{
		// versitygw lets its root account do everything. Nobody may be root here, or ownership would mean
		// nothing: root gets keys that are thrown away.
		RootUserAccess: rand.Text(),
		RootUserSecret: rand.Text(),
		Region:         o.Region,
		VirtualDomain:  o.Domain,
		Ports:          []string{socket},
		MaxConnections: connections,
		MaxRequests:    connections,
		// S3's own limit.
		MultipartMaxParts: 10000,
		Quiet:             true,
		// A kept connection can be closed by the server just when the front sends the next request on it, which
		// would show as a 502 that no S3 gives; a new one over a unix socket costs nothing worth that.
		KeepAlive: false,
	}
}

// newBackend prefers extended attributes for metadata, as versitygw does; file systems without them (tmpfs on
// older kernels) get a folder beside the buckets.
func newBackend(dataDir string, versioning bool) (*posix.Posix, error) {
	buckets, sidecar := filepath.Join(dataDir, "buckets"), filepath.Join(dataDir, "meta")
	for _, dir := range []string{buckets, sidecar} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("creating %s: %w", dir, err)
		}
	}
	var attributes meta.MetadataStorer = meta.XattrMeta{}
	// Unset it is zero, not the documented default: nothing could be copied, which is how a registry ends an upload.
	options := posix.PosixOpts{CopyObjectThreshold: maxCopy}
	if err := (meta.XattrMeta{}).Test(buckets); err != nil {
		store, err := meta.NewSideCar(sidecar)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", sidecar, err)
		}
		attributes, options.SideCarDir = store, sidecar
	}
	if versioning {
		options.VersioningDir = filepath.Join(dataDir, "versions")
		if err := os.MkdirAll(options.VersioningDir, 0o755); err != nil {
			return nil, fmt.Errorf("creating %s: %w", options.VersioningDir, err)
		}
		// It says so on standard output, where programs expect one line of JSON.
		stdout := os.Stdout
		os.Stdout = os.Stderr
		defer func() { os.Stdout = stdout }()
	}
	backend, err := posix.New(buckets, attributes, options)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", buckets, err)
	}
	return backend, nil
}

// newSocket names a unix socket. Linux has an abstract namespace for them, which leaves no file behind whatever
// ends the process, and is bounded by the network namespace.
func newSocket() (name string, clean func(), err error) {
	if runtime.GOOS == "linux" {
		return "@s3server-" + strings.ToLower(rand.Text()), func() {}, nil
	}
	dir, err := os.MkdirTemp("", "s3-")
	if err != nil {
		return "", nil, fmt.Errorf("creating a folder for the gateway's socket: %w", err)
	}
	return filepath.Join(dir, "gw"), func() { _ = os.RemoveAll(dir) }, nil
}
