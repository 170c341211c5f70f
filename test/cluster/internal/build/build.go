// Package build builds the cluster's programs once and keeps them.
package build

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Program is a binary of this module.
type Program struct {
	// Name is the folder below cmd and the name of the binary.
	Name string
	// Sources are the folders, relative to the module, whose content decides whether the binary is still good. The
	// modules it is linked from are covered by go.sum.
	Sources []string
	// Kubernetes stamps Kubernetes' version into the binary: kubelets and clients that do not know the server's version
	// misbehave (the zero version is older than everything).
	Kubernetes bool
}

// The programs that a cluster is made of.
var (
	Kube            = Program{Name: "kube", Sources: []string{"cmd/kube"}, Kubernetes: true}
	Azure           = Program{Name: "azure", Sources: []string{"cmd/azure", "internal/azureserver", "internal/connect", "internal/faults", "internal/records"}}
	DockerRegistry  = Program{Name: "dockerregistry", Sources: []string{"cmd/dockerregistry", "internal/registry"}}
	DockerRegistry2 = Program{Name: "dockerregistry2", Sources: []string{"cmd/dockerregistry2"}}
	GCS             = Program{Name: "gcs", Sources: []string{"cmd/gcs", "internal/gcsserver", "internal/faults", "internal/records"}}
	IBM             = Program{Name: "ibm", Sources: []string{"cmd/ibm", "internal/ibmserver", "internal/s3server", "internal/connect", "internal/faults", "internal/records"}}
	OC              = Program{Name: "oc", Sources: []string{"cmd/oc", "internal/pruner"}}
	Pause           = Program{Name: "pause", Sources: []string{"cmd/pause"}}
	S3              = Program{Name: "s3", Sources: []string{"cmd/s3", "internal/s3server", "internal/connect", "internal/faults", "internal/records"}}
	Swift           = Program{Name: "swift", Sources: []string{"cmd/swift", "internal/swiftserver", "internal/faults", "internal/process", "internal/records"}}
)

// Builder builds programs of the module in Source into folders below Bin.
type Builder struct {
	Source string
	Bin    string
	// Progress gets a line now and then while a build runs.
	Progress func(string)
}

// Build returns the binary's path, building it when there is none for the current sources.
func (b Builder) Build(ctx context.Context, p Program) (string, error) {
	key, err := b.key(p)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.Bin, key, p.Name)
	if _, err := os.Stat(path); err == nil {
		// The time of use decides which old binaries are removed.
		now := time.Now()
		_ = os.Chtimes(filepath.Dir(path), now, now)
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("creating the folder of %s: %w", p.Name, err)
	}
	unlock, err := b.lock(p, filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil // built by whoever had the lock
	}
	// A name of its own until it is complete: an interrupted build must not pass for a finished one.
	temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(temporary)
	if err := b.run(ctx, p, temporary); err != nil {
		return "", err
	}
	if err := os.Rename(temporary, path); err != nil {
		return "", fmt.Errorf("storing %s: %w", p.Name, err)
	}
	b.forgetOld(p)
	return path, nil
}

// Built tells whether there is a binary for the current sources.
func (b Builder) Built(p Program) bool {
	key, err := b.key(p)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(b.Bin, key, p.Name))
	return err == nil
}

// lock keeps two clusters that start at the same time from doing the same work of minutes twice.
func (b Builder) lock(p Program, dir string) (func(), error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of %s: %w", p.Name, err)
	}
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		b.Progress(fmt.Sprintf("waiting for another process that builds %s", p.Name))
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w", p.Name, err)
		}
	}
	return func() { _ = file.Close() }, nil
}

func (b Builder) run(ctx context.Context, p Program, output string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("building %s: %w", p.Name, err)
	}
	flags := "-s -w"
	if p.Kubernetes {
		version, err := b.moduleVersion("k8s.io/kubernetes")
		if err != nil {
			return err
		}
		flags += kubernetesVersion(version)
	}
	// -v names each package that is compiled, which is all the progress the go command reports.
	cmd := exec.CommandContext(ctx, goTool, "build", "-v", "-buildvcs=false", "-ldflags", flags, "-o", output, "./cmd/"+p.Name)
	cmd.Dir = b.Source
	// Static: the binaries also run in images that hold nothing else.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	report := make(chan []string)
	go func() { report <- b.follow(p.Name, reader) }()
	err = cmd.Run()
	_ = writer.Close()
	last := <-report
	if err != nil {
		return fmt.Errorf("building %s: %w:\n%s", p.Name, err, strings.Join(last, "\n"))
	}
	return nil
}

// progressInterval keeps a build of 2,000 packages from filling the screen and a silent minute from looking dead.
const progressInterval = 5 * time.Second

// follow reports progress and returns the last lines, which hold the errors of a failed build.
func (b Builder) follow(name string, output io.Reader) []string {
	var last []string
	var packages int
	reported := time.Now()
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		last = append(last, lines.Text())
		if len(last) > 20 {
			last = last[1:]
		}
		packages++
		if time.Since(reported) >= progressInterval {
			reported = time.Now()
			b.Progress(fmt.Sprintf("building %s: %d packages so far, now %s", name, packages, lines.Text()))
		}
	}
	return last
}

// key names the state of everything a binary is made from.
func (b Builder) key(p Program) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, p.Name, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files := []string{"go.mod", "go.sum"}
	for _, dir := range p.Sources {
		err := filepath.WalkDir(filepath.Join(b.Source, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			relative, err := filepath.Rel(b.Source, path)
			files = append(files, relative)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("listing the sources of %s: %w", p.Name, err)
		}
	}
	sort.Strings(files)
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(b.Source, file))
		if err != nil {
			return "", fmt.Errorf("reading the sources of %s: %w", p.Name, err)
		}
		fmt.Fprintf(hash, "%s %d\n", file, len(data))
		hash.Write(data)
	}
	return p.Name + "-" + hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// kept is how many versions of a program stay: the present one and one for going back and forth between branches.
const kept = 2

// forgetOld removes versions not used lately. Removing is safe while they run, and a failure costs only disk space.
func (b Builder) forgetOld(p Program) {
	dirs, err := filepath.Glob(filepath.Join(b.Bin, p.Name+"-*"))
	if err != nil {
		return
	}
	sort.Slice(dirs, func(i, j int) bool { return used(dirs[i]).After(used(dirs[j])) })
	for i, dir := range dirs {
		if i >= kept {
			_ = os.RemoveAll(dir)
		}
	}
}

func used(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// moduleVersion reads the version of a required module from go.mod, so that it is written down in one place.
func (b Builder) moduleVersion(module string) (string, error) {
	data, err := os.ReadFile(filepath.Join(b.Source, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("reading the module's requirements: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == module {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("finding the version of %s in go.mod of %s: not required there", module, b.Source)
}

func kubernetesVersion(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var flags strings.Builder
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		fmt.Fprintf(&flags, " -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
			pkg, version, parts[0], parts[1])
	}
	return flags.String()
}

// Module is the path of the module whose folder FindSource looks for.
const Module = "github.com/openshift/cluster-image-registry-operator/test/cluster"

// FindSource looks for the module's sources from a folder upwards: in the folder itself or in test/cluster below it.
func FindSource(from string) (string, error) {
	for dir := from; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "test", "cluster")} {
			data, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err == nil && strings.Contains(string(data), "module "+Module+"\n") {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the sources of the cluster's programs from %s upwards: none", from)
		}
	}
}
