package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/controlplane"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/dns"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// Descriptors that the supervisor passes to the engine: the pipe for events, and sockets that listen on the machine.
// A socket keeps the network namespace it was made in, so the engine accepts connections there and passes them on here.
const (
	eventsFD = 3 + iota
	apiFD
	s3AdminFD
	s3ProxyFD
	s3FD

	sandboxFiles = s3FD - eventsFD + 1
	hostFiles    = 1
)

// engineConfig is what the supervisor has decided for the engine.
type engineConfig struct {
	Options Options             `json:"options"`
	Paths   Paths               `json:"paths"`
	Self    string              `json:"self"`
	Control controlplane.Config `json:"control"`
	// HostAPIServer is the API server's address on the machine.
	HostAPIServer string   `json:"hostAPIServer"`
	S3            s3Config `json:"s3"`
	Images        []string `json:"images"`
	PauseImage    string   `json:"pauseImage"`
}

// engine runs the programs of one cluster.
type engine struct {
	engineConfig
	events *eventWriter
	group  *process.Group

	creds *controlplane.Credentials
	admin *rest.Config
	// client is used for nodes.
	client kubernetes.Interface
	// proxyConfig is kube-proxy's kubeconfig.
	proxyConfig string

	mu       sync.Mutex
	nodePIDs map[string]int
}

// RunEngine is the engine's main function. It ends when a program ends, when the context does, or when the supervisor
// closes the engine's input.
func RunEngine(ctx context.Context, configPath string) error {
	config, err := readEngineConfig(configPath)
	if err != nil {
		return err
	}
	events := &eventWriter{file: os.NewFile(eventsFD, "events")}
	e := &engine{
		engineConfig: *config,
		events:       events,
		group:        process.NewGroup(config.Paths.logs()),
		nodePIDs:     map[string]int{},
	}
	defer e.group.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err = e.run(ctx); err != nil && ctx.Err() == nil {
		events.send(event{Error: err.Error(), Cure: CureOf(err)})
		return err
	}
	return nil
}

func readEngineConfig(path string) (*engineConfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the engine's configuration: %w", err)
	}
	config := &engineConfig{}
	if err := json.Unmarshal(data, config); err != nil {
		return nil, fmt.Errorf("decoding the engine's configuration: %w", err)
	}
	return config, nil
}

func (e *engine) run(ctx context.Context) error {
	if e.Options.Sandbox {
		if err := e.enterSandbox(); err != nil {
			return err
		}
	}
	if err := e.makeCredentials(); err != nil {
		return err
	}
	if err := e.start(ctx); err != nil {
		return err
	}
	e.events.send(event{Ready: true, NodePIDs: e.nodePIDs})
	select {
	case err := <-e.group.Ended():
		return err
	case <-ctx.Done():
		return nil
	}
}

// start brings everything up, side by side where nothing has to wait.
func (e *engine) start(ctx context.Context) error {
	apiReady := make(chan struct{})
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		if err := e.startControlPlane(ctx); err != nil {
			return err
		}
		close(apiReady)
		return nil
	})
	tasks.Go(func() error { return e.startS3(ctx) })
	for index := range e.Options.Nodes {
		tasks.Go(func() error { return e.startNode(ctx, index, apiReady) })
	}
	afterAPI := func(task func(context.Context) error) {
		tasks.Go(func() error {
			select {
			case <-apiReady:
				return task(ctx)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	if e.Options.Sandbox {
		afterAPI(e.startDNS)
	}
	afterAPI(e.startSimulated)
	afterAPI(e.seedAndStandIns)
	afterAPI(e.startHostOperator)
	return tasks.Wait()
}

func (e *engine) makeCredentials() error {
	var err error
	if e.creds, err = controlplane.NewCredentials(e.Control); err != nil {
		return err
	}
	for _, f := range e.forwards() {
		f.serve()
	}
	// Its own user name: the audit log then tells what the tests' administrator did from what the cluster did itself.
	path, err := e.creds.User(e.Control, "cluster-engine", "system:masters")
	if err != nil {
		return err
	}
	if e.admin, err = clientcmd.BuildConfigFromFlags("", path); err != nil {
		return fmt.Errorf("reading the engine's kubeconfig: %w", err)
	}
	e.admin.QPS, e.admin.Burst = -1, -1
	if e.client, err = kubernetes.NewForConfig(e.admin); err != nil {
		return fmt.Errorf("making the engine's client: %w", err)
	}
	if e.proxyConfig, err = e.creds.User(e.Control, "system:kube-proxy"); err != nil {
		return err
	}
	return e.creds.UserAt(e.Control, e.HostAPIServer, e.Paths.Kubeconfig(), "cluster-admin", "system:masters")
}

func (e *engine) startControlPlane(ctx context.Context) error {
	if err := controlplane.StartEtcd(e.group, e.Control); err != nil {
		return err
	}
	if err := controlplane.StartAPIServer(e.group, e.Control, e.creds); err != nil {
		return err
	}
	transport, err := rest.TransportFor(e.admin)
	if err != nil {
		return fmt.Errorf("making the engine's transport: %w", err)
	}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	if err := controlplane.WaitAPIServer(ctx, e.group, client, e.Control); err != nil {
		return err
	}
	e.events.step("API server is ready")
	return controlplane.StartManagers(e.group, e.Control, e.creds)
}

func (e *engine) startDNS(ctx context.Context) error {
	config, err := e.creds.User(e.Control, "cluster-dns", "system:masters")
	if err != nil {
		return err
	}
	if err := dns.Start(e.group, dns.Config{
		Kube: e.Control.Kube, Dir: e.Control.Dir, Kubeconfig: config,
		S3Domain: addresses.S3Domain(e.Options.Region), STSHost: addresses.STSHost(e.Options.Region), S3Address: netip.MustParseAddr(e.Options.Family.S3Server()),
	}); err != nil {
		return err
	}
	if err := dns.Wait(ctx, e.group); err != nil {
		return err
	}
	e.events.step("DNS answers")
	return nil
}

// forward passes connections from a socket on the machine to an address in the sandbox.
type forward struct {
	listener net.Listener
	target   string
}

func (e *engine) forwards() []forward {
	if !e.Options.Sandbox {
		return nil
	}
	targets := map[int]string{
		apiFD:     net.JoinHostPort(e.Control.Advertise, fmt.Sprint(e.Control.APIPort)),
		s3AdminFD: e.S3.Admin,
		s3ProxyFD: e.S3.Proxy,
		s3FD:      e.S3.TLS,
	}
	var all []forward
	for fd, target := range targets {
		file := os.NewFile(uintptr(fd), "listener")
		listener, err := net.FileListener(file)
		_ = file.Close()
		if err == nil {
			all = append(all, forward{listener: listener, target: target})
		}
	}
	return all
}

func (f forward) serve() {
	go func() {
		for {
			conn, err := f.listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go f.pass(conn)
			}
		}
	}()
}

func (f forward) pass(outside net.Conn) {
	defer outside.Close()
	inside, err := net.Dial("tcp", f.target)
	if err != nil {
		return // closing tells the client; while the API server starts, it just tries again
	}
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(inside, outside)
		_ = inside.(*net.TCPConn).CloseWrite()
		close(done)
	}()
	_, _ = io.Copy(outside, inside)
	_ = outside.(*net.TCPConn).CloseWrite()
	<-done
}
