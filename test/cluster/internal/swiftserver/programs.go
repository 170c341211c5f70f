package swiftserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// startLimit is for a busy machine: each of the four servers loads a hundred Python modules first.
const startLimit = 3 * time.Minute

// ErrMissing is a folder that does not hold Debian's packages of Swift.
var ErrMissing = errors.New("the programs of Swift are not there")

// programs finds what was unpacked from Debian's packages into one folder.
type programs struct{ root string }

// find fails when something is not there.
func (p programs) find() error {
	for _, name := range []string{"swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server", "memcached"} {
		if _, err := os.Stat(p.path(name)); err != nil {
			return fmt.Errorf("%w: no %s in %s; on Debian, `make install` puts them there", ErrMissing, name, p.root)
		}
	}
	_, err := p.python()
	return err
}

func (p programs) path(name string) string { return filepath.Join(p.root, "usr", "bin", name) }

// python is Debian's interpreter: the compiled modules in the packages are for it and no other.
func (p programs) python() (string, error) {
	for _, path := range []string{p.path("python3"), "/usr/bin/python3"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: no Python of Debian in %s or /usr/bin", ErrMissing, p.root)
}

// environment lets the programs find modules and libraries that are not where they were made for.
func (p programs) environment() []string {
	libraries, _ := filepath.Glob(filepath.Join(p.root, "usr", "lib", "*-linux-*"))
	env := []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=",
		"PYTHONPATH=" + filepath.Join(p.root, "usr", "lib", "python3", "dist-packages"),
	}
	if len(libraries) > 0 {
		// Objects and databases of tests need not outlive a power cut: the preloaded library makes fsync return at once.
		env = append(env, "LD_LIBRARY_PATH="+libraries[0], "LD_PRELOAD="+filepath.Join(libraries[0], "libeatmydata.so.1"))
	}
	return env
}

// launcher runs a program of Swift with its swift.conf in the folder of the first argument. The servers look for that one
// file in /etc/swift, whatever their own configuration says.
const launcher = `import runpy, sys
from swift.common import utils
utils.set_swift_dir(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")`

// start runs memcached and the four servers until the group is stopped.
func (p programs) start(ctx context.Context, group *process.Group, dir string, at ports, tokenCache int) error {
	me, err := user.Current()
	if err != nil {
		return fmt.Errorf("finding out who runs this: %w", err)
	}
	if err := writeConfigs(dir, me.Username, at, tokenCache); err != nil {
		return fmt.Errorf("writing Swift's configuration: %w", err)
	}
	python, err := p.python()
	if err != nil {
		return err
	}
	specs := []process.Spec{{
		Name: "memcached", Path: p.path("memcached"),
		Args: []string{"memcached", "-l", loopback, "-p", fmt.Sprint(at.memcached), "-U", "0", "-m", "64", "-u", me.Username},
	}}
	for _, name := range []string{"account", "container", "object", "proxy"} {
		specs = append(specs, process.Spec{
			Name: "swift-" + name, Path: python,
			Args: []string{
				python, "-c", launcher, filepath.Join(dir, "etc"),
				p.path("swift-" + name + "-server"), filepath.Join(dir, "etc", name+"-server.conf"), "--verbose",
			},
		})
	}
	for _, spec := range specs {
		spec.Env, spec.Dir = p.environment(), dir
		if _, err := group.Start(spec); err != nil {
			return err
		}
	}
	for name, port := range map[string]int{"account": at.account, "container": at.container, "object": at.object, "memcached": at.memcached} {
		if err := group.Until(ctx, name+" server", startLimit, func(ctx context.Context) error { return connects(ctx, port) }); err != nil {
			return err
		}
	}
	return group.Until(ctx, "proxy server", startLimit, func(ctx context.Context) error { return healthy(ctx, at.proxy) })
}

func connects(ctx context.Context, port int) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", loopback, port))
	if err != nil {
		return err
	}
	return connection.Close()
}

func healthy(ctx context.Context, port int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d/healthcheck", loopback, port), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy answers %s", response.Status)
	}
	return nil
}

// freePorts are ports that nobody listens on now. Somebody else may take one before the program does that is to have it:
// it then ends, and so does the start.
func freePorts(ctx context.Context, n int) ([]int, error) {
	found := make([]int, n)
	for i := range found {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback+":0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer listener.Close()
		found[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return found, nil
}
