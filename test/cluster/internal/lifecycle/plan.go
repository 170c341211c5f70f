package lifecycle

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/controlplane"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/images"
)

// builder builds the cluster's programs, or finds those that are built.
func (s *supervisor) builder() build.Builder {
	return build.Builder{
		Source: s.Source, Bin: s.Home.Bin(),
		Progress: func(line string) { s.progress.Step("%s", line) },
	}
}

// plan builds what has to be built and settles ports, addresses and keys.
func (s *supervisor) plan(ctx context.Context) (*engineConfig, error) {
	builder := s.builder()
	kube, err := builder.Build(ctx, build.Kube)
	if err != nil {
		return nil, err
	}
	config := &engineConfig{
		Options: s.Options, Paths: s.paths, Self: s.Self,
		Control: controlplane.Config{
			Name: s.Name, Kube: kube, Dir: s.paths.join("control-plane"), PKI: s.paths.pki(),
			AuditLog: s.paths.auditLog(), Minimal: s.Options.ControlPlaneOnly, Family: s.Options.Family,
		},
	}
	if s.Options.Nodes > 0 {
		if err := s.addPause(ctx, builder, config); err != nil {
			return nil, err
		}
	}
	if config.S3.Account, err = s.newS3Account(); err != nil {
		return nil, err
	}
	if config.S3.Binary, err = builder.Build(ctx, build.S3); err != nil {
		return nil, err
	}
	s.progress.Step("programs and images are there")
	if s.Options.Sandbox {
		return config, s.planSandbox(config)
	}
	return config, s.planHost(config)
}

// addPause adds the one image that every node needs, and the tarballs that the user wants on each node.
func (s *supervisor) addPause(ctx context.Context, builder build.Builder, config *engineConfig) error {
	binary, err := builder.Build(ctx, build.Pause)
	if err != nil {
		return err
	}
	pause, err := s.Home.buildImage(ctx, "pause", func() (images.Config, []images.File) { return images.Pause(binary) })
	if err != nil {
		return err
	}
	config.PauseImage = pause.Ref
	config.Images = append([]string{pause.Tarball}, s.Options.Images...)
	return nil
}

// planSandbox uses fixed addresses inside, and opens the sockets that lead in from the machine.
func (s *supervisor) planSandbox(config *engineConfig) error {
	family := s.Options.Family
	config.Control.Bind, config.Control.Advertise = family.Any(), family.APIServer()
	config.Control.APIPort = addresses.APIPort
	config.Control.EtcdPort, config.Control.EtcdPeerPort = 2379, 2380
	config.Control.ControllerPort, config.Control.SchedulerPort = 10257, 10259
	config.S3.TLS = net.JoinHostPort(family.S3Server(), "443")
	config.S3.Admin = net.JoinHostPort(family.S3Server(), "8081")
	config.S3.Proxy = net.JoinHostPort(family.S3Server(), "8082")
	local := make([]string, 0, sandboxFiles)
	for _, wanted := range []int{s.Options.APIPort, 0, 0, 0} {
		file, address, err := listenOnHost(family.Loopback(), wanted)
		if err != nil {
			return err
		}
		s.sockets = append(s.sockets, file)
		local = append(local, address.String())
	}
	config.reachedAt(local[0], local[1], local[2], local[3])
	return nil
}

// planHost gives every program a free port of the loopback device.
func (s *supervisor) planHost(config *engineConfig) error {
	host := s.Options.Family.Loopback()
	ports := make([]int, 8)
	for i := range ports {
		wanted := 0
		if i == 0 {
			wanted = s.Options.APIPort
		}
		file, address, err := listenOnHost(host, wanted)
		if err != nil {
			return err
		}
		// All sockets stay open until every port is chosen, or two programs might get the same one.
		defer file.Close()
		ports[i] = address.Port
	}
	config.Control.Bind, config.Control.Advertise = host, host
	config.Control.APIPort = ports[0]
	config.Control.EtcdPort, config.Control.EtcdPeerPort = ports[1], ports[2]
	config.Control.ControllerPort, config.Control.SchedulerPort = ports[3], ports[4]
	local := func(i int) string { return net.JoinHostPort(host, strconv.Itoa(ports[i])) }
	config.S3.TLS, config.S3.Admin, config.S3.Proxy = local(5), local(6), local(7)
	config.reachedAt(local(0), local(6), local(7), local(5))
	return nil
}

// reachedAt says by which addresses of the machine's loopback device all is reached.
func (c *engineConfig) reachedAt(apiServer, s3Admin, s3Proxy, s3TLS string) {
	c.HostAPIServer = "https://" + apiServer
	c.S3.Account.AdminURL, c.S3.Account.ProxyURL = "http://"+s3Admin, "http://"+s3Proxy
	c.S3.Account.HostEndpoint = "https://" + s3TLS
}

// listenOnHost opens a socket on the machine's loopback device and returns it as a file that can be handed on.
func listenOnHost(host string, port int) (*os.File, *net.TCPAddr, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, nil, Cure(fmt.Errorf("port %d of %s is in use", port, host),
			"end the program that has it (ss -ltnp shows it), choose another port, or leave the port out to get a free one")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("listening on %s: %w", host, err)
	}
	defer listener.Close()
	tcp := listener.(*net.TCPListener)
	file, err := tcp.File()
	if err != nil {
		return nil, nil, fmt.Errorf("passing on the socket of port %d: %w", port, err)
	}
	return file, tcp.Addr().(*net.TCPAddr), nil
}

func (s *supervisor) newS3Account() (S3State, error) {
	keys := make([]string, 4)
	for i := range keys {
		data := make([]byte, 10+10*(i%2))
		if _, err := rand.Read(data); err != nil {
			return S3State{}, fmt.Errorf("making keys for the S3 server: %w", err)
		}
		keys[i] = hex.EncodeToString(data)
	}
	return S3State{
		Endpoint:    "https://" + addresses.S3Domain(s.Options.Region),
		STSEndpoint: "https://" + addresses.STSHost(s.Options.Region),
		Region:      s.Options.Region,
		// The cluster's own authority signs everything in it.
		CAFile:      filepath.Join(s.paths.pki(), "cluster-ca.crt"),
		AccessKeyID: keys[0], SecretAccessKey: keys[1],
		OtherAccessKeyID: keys[2], OtherSecretAccessKey: keys[3],
	}, nil
}

func (s *supervisor) state(e event) *State {
	state := &State{
		Name: s.Name, PID: os.Getpid(), Kubeconfig: s.paths.Kubeconfig(), APIServer: s.config.HostAPIServer,
		Nodes: s.Options.Nodes, Simulated: s.Options.Simulated, HostOperator: s.Options.Operator != "", Sandboxed: s.Options.Sandbox,
		AuditLog: s.paths.auditLog(), Logs: s.paths.logs(), ReleaseDir: s.paths.Release(),
		Family: s.Options.Family, ClusterCIDRs: ClusterCIDRs{
			Nodes:    strings.Join(s.Options.Family.Nodes(), ","),
			Pods:     strings.Join(s.Options.Family.Pods(), ","),
			Services: strings.Join(s.Options.Family.Services(), ","),
		},
		S3: s.config.S3.Account, NodePIDs: e.NodePIDs,
	}
	if s.Options.Sandbox {
		state.InitPID = s.engine.Process.Pid
	}
	return state
}
