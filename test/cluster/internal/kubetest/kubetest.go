// Package kubetest starts a real etcd and kube-apiserver on loopback for the tests of this module. It is not the cluster:
// there are no controllers and no nodes.
package kubetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// BinaryVariable names the environment variable with the path of the multi-call binary built from cmd/kube.
const BinaryVariable = "KUBE_BINARY"

const startTimeout = 90 * time.Second

// Server is a running API server.
type Server struct {
	// Config is the administrator's.
	Config *rest.Config

	dir   string
	stops []func()
}

// Start runs etcd and kube-apiserver from the multi-call binary until Stop or the end of the context. What they say is in the error if they fail.
func Start(ctx context.Context, binary string) (*Server, error) {
	dir, err := os.MkdirTemp("", "kubetest-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the API server: %w", err)
	}
	s := &Server{dir: dir}
	if err := s.start(ctx, binary); err != nil {
		logs := s.logs()
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, logs)
	}
	return s, nil
}

// Stop ends both processes and removes their files.
func (s *Server) Stop() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
	_ = os.RemoveAll(s.dir)
}

func (s *Server) start(ctx context.Context, binary string) error {
	ports, err := freePorts(ctx, 3)
	if err != nil {
		return err
	}
	client, peer := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	etcdGone, err := s.run(ctx, binary, "etcd", []string{
		"etcd", "--name=test", "--data-dir=" + filepath.Join(s.dir, "etcd"), "--unsafe-no-fsync", "--logger=zap",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=test=" + peer,
	})
	if err != nil {
		return err
	}
	key, tokens, token, err := s.secrets()
	if err != nil {
		return err
	}
	certs := filepath.Join(s.dir, "certs")
	apiGone, err := s.run(ctx, binary, "kube-apiserver", []string{
		"kube-apiserver", "--etcd-servers=" + client, "--bind-address=127.0.0.1", "--secure-port=" + ports[2],
		"--cert-dir=" + certs, "--token-auth-file=" + tokens, "--authorization-mode=Node,RBAC",
		"--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.99.0.0/16",
		// Its own address may not be loopback in the endpoints of Service kubernetes, which nobody uses here.
		"--endpoint-reconciler-type=none",
		// No controller makes ServiceAccounts here.
		"--disable-admission-plugins=ServiceAccount",
	})
	if err != nil {
		return err
	}
	s.Config = &rest.Config{
		Host: "https://127.0.0.1:" + ports[2], BearerToken: token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(certs, "apiserver.crt")},
		QPS:             200, Burst: 400,
	}
	return s.ready(ctx, etcdGone, apiGone)
}

func (s *Server) ready(ctx context.Context, gone ...<-chan error) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		for _, g := range gone {
			select {
			case err := <-g:
				return false, fmt.Errorf("a process of the control plane ended: %w", err)
			default:
			}
		}
		return s.isReady(ctx), nil
	})
}

func (s *Server) isReady(ctx context.Context) bool {
	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		return false // its certificate is not written yet
	}
	_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err == nil
}

// run starts a process that dies with this one.
func (s *Server) run(ctx context.Context, binary, name string, args []string) (<-chan error, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("making a log for %s: %w", name, err)
	}
	command := exec.CommandContext(ctx, binary, args...)
	command.Stdout, command.Stderr = log, log
	dieWithParent(command)
	started, ended := make(chan error, 1), make(chan error, 1)
	over := make(chan struct{})
	go func() {
		// The kernel ends the child when the thread that started it ends, so the thread is kept.
		runtime.LockOSThread()
		defer log.Close()
		defer close(over)
		if err := command.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		err := command.Wait()
		ended <- errors.Join(fmt.Errorf("%s", name), err)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.stops = append(s.stops, func() {
		_ = command.Process.Kill()
		<-over
	})
	return ended, nil
}

// secrets makes the key for ServiceAccount tokens and the administrator's token.
func (s *Server) secrets() (keyFile, tokenFile, token string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", fmt.Errorf("generating a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", "", "", fmt.Errorf("encoding a key: %w", err)
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", "", "", fmt.Errorf("making a token: %w", err)
	}
	token = hex.EncodeToString(random)
	keyFile, tokenFile = filepath.Join(s.dir, "sa.key"), filepath.Join(s.dir, "tokens.csv")
	err = errors.Join(
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600),
		os.WriteFile(tokenFile, []byte(token+",admin,admin,system:masters\n"), 0o600),
	)
	return keyFile, tokenFile, token, err
}

func (s *Server) logs() string {
	out := ""
	for _, name := range []string{"etcd", "kube-apiserver"} {
		data, err := os.ReadFile(filepath.Join(s.dir, name+".log"))
		if err != nil {
			continue
		}
		out += "--- " + name + "\n" + string(data[max(0, len(data)-4000):])
	}
	return out
}

func freePorts(ctx context.Context, n int) ([]string, error) {
	var out []string
	for range n {
		// All are held until all are known, so that no port is given twice.
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close()
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("looking for a free port: got address %s", l.Addr())
		}
		out = append(out, strconv.Itoa(addr.Port))
	}
	return out, nil
}
