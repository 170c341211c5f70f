package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/images"
)

func TestClusterNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"dev": true, "a": true, "test-1": true, strings.Repeat("a", 32): true,
		"": false, "Dev": false, "-a": false, "a-": false, "a/b": false, "..": false, strings.Repeat("a", 33): false,
	} {
		if _, err := Home(t.TempDir()).Cluster(name); (err == nil) != ok {
			t.Errorf("name %q: %v, want success %t", name, err, ok)
		}
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	p := newPaths(t)
	first, err := tryLock(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.claim(); err != nil {
		t.Fatal(err)
	}
	if got := holder(p); got != os.Getpid() {
		t.Errorf("the lock says that process %d has it, want %d", got, os.Getpid())
	}
	if _, err := tryLock(p); !errors.Is(err, errLocked) {
		t.Errorf("taking the lock twice: %v", err)
	}
	if err := MustBeFree(p); err == nil || !strings.Contains(CureOf(err), "`make down NAME=c`") {
		t.Errorf("a start while it is held: %v", err)
	}
	first.release()
	second, err := waitFree(p, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	second.release()
}

func TestCleaningUpKeepsWhatExplains(t *testing.T) {
	p := newPaths(t)
	for _, path := range append(p.volatile(), p.logs(), p.pki()) {
		writeTestFile(t, filepath.Join(path, "file"), "")
	}
	for _, path := range []string{p.State(), p.auditLog(), p.enginePID()} {
		writeTestFile(t, path, "")
	}
	if err := Down(p, io.Discard); err == nil {
		t.Error("an engine.pid that holds no number is not reported")
	}
	writeTestFile(t, p.enginePID(), "999999999\n")
	if err := Down(p, io.Discard); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{"audit.log", "logs", "pki"}; !slices.Equal(left, want) {
		t.Errorf("left: %v, want %v", left, want)
	}
}

func TestOnlyOldClustersAreForgotten(t *testing.T) {
	home := Home(t.TempDir())
	old := time.Now().Add(-2 * clusterLifetime)
	for _, name := range []string{"new", "old", "running"} {
		p, err := home.Cluster(name)
		if err != nil {
			t.Fatal(err)
		}
		writeTestFile(t, filepath.Join(p.logs(), "etcd.log"), "")
		if name == "new" {
			continue
		}
		if err := os.Chtimes(p.Dir, old, old); err != nil {
			t.Fatal(err)
		}
		if name == "running" {
			l, err := tryLock(p)
			if err != nil {
				t.Fatal(err)
			}
			defer l.release()
		}
	}
	home.forgetClusters()
	if names, err := home.Names(); err != nil || !slices.Equal(names, []string{"new", "running"}) {
		t.Errorf("kept: %v, %v", names, err)
	}
}

func TestMissingPackages(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	missing := missingPackages(nil)
	for _, want := range []string{"containerd", "runc", "conntrack", "iproute2"} {
		if !slices.Contains(missing, want) {
			t.Errorf("with an empty PATH %s is not missed: %v", want, missing)
		}
	}
	// There is no apt-get either.
	err := InstallMissing(t.Context(), NewProgress(io.Discard))
	if err == nil || !strings.Contains(err.Error(), "containerd") || !strings.Contains(CureOf(err), "install these packages") {
		t.Errorf("error %v with cure %q", err, CureOf(err))
	}
}

func TestReferences(t *testing.T) {
	manifests := t.TempDir()
	writeTestFile(t, filepath.Join(manifests, "image-references"), `kind: ImageStream
apiVersion: image.openshift.io/v1
spec:
  tags:
  - {name: docker-registry, from: {kind: DockerImage, name: example.test/placeholder:registry}}
  - {name: cli, from: {kind: DockerImage, name: example.test/placeholder:cli}}
  - {name: tools, from: {kind: DockerImage, name: example.test/placeholder:tools}}
`)
	tarball := filepath.Join(t.TempDir(), "image.tar")
	file := images.File{Path: "/file", Content: []byte("content"), Mode: 0o644}
	const ref = "images.cluster.test/docker-registry:1"
	if err := images.Build(t.Context(), tarball, ref, images.Config{User: "1"}, []images.File{file}); err != nil {
		t.Fatal(err)
	}
	d := Deployment{
		Manifests: manifests, Tarballs: []string{tarball},
		Images: map[string]string{"example.test/placeholder:tools": "elsewhere.test/tools:2"},
	}
	got, missing, err := d.references()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"example.test/placeholder:registry": ref,
		"example.test/placeholder:cli":      "images.cluster.test/cli:not-built",
		"example.test/placeholder:tools":    "elsewhere.test/tools:2",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || !slices.Equal(missing, []string{"cli"}) {
		t.Errorf("references %v, missing %v; want %v", got, missing, want)
	}
}

func TestManifestsAreNamedAsInARelease(t *testing.T) {
	source, target := t.TempDir(), filepath.Join(t.TempDir(), "manifests")
	for _, name := range []string{"0000_90_rules.yaml", "01-namespace.yaml", "image-references"} {
		writeTestFile(t, filepath.Join(source, name), name)
	}
	writeTestFile(t, filepath.Join(target, "old.yaml"), "of the release before")
	if err := replaceFolder(source, target); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(target)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{"0000_50_cluster-image-registry-operator_01-namespace.yaml", "0000_90_rules.yaml", "image-references"}
	if !slices.Equal(names, want) {
		t.Errorf("manifests %v, want %v", names, want)
	}
}

func TestReadiness(t *testing.T) {
	ready := []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: "False"}, {Type: corev1.NodeReady, Status: "True"}}
	for _, c := range []struct {
		name       string
		taint      corev1.TaintEffect
		conditions []corev1.NodeCondition
		want       string
	}{
		{"a kubelet that has said nothing", "", nil, "has not reported"},
		{"a kubelet that is not ready", "", []corev1.NodeCondition{{Type: corev1.NodeReady, Status: "False", Message: "no CNI"}}, "no CNI"},
		{"a node that pods do not get yet", corev1.TaintEffectNoSchedule, ready, "has taint"},
		{"a node that pods get last", corev1.TaintEffectPreferNoSchedule, ready, ""},
		{"a ready node", "", ready, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := &corev1.Node{Status: corev1.NodeStatus{Conditions: c.conditions}}
			if c.taint != "" {
				node.Spec.Taints = []corev1.Taint{{Key: "key", Effect: c.taint}}
			}
			err := readiness(node)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestInside(t *testing.T) {
	state := &State{Name: "c", Sandboxed: true, InitPID: 7, NodePIDs: map[string]int{"node-1": 9}}
	const first = "nsenter --target 7 --pid --mount --net --uts --ipc -- "
	for _, c := range []struct {
		name string
		node int
		want string
	}{
		{"the first node is the sandbox", 0, first + "true"},
		{"a further node is inside of it", 1, first + "nsenter --target 9 --mount --net --uts -- true"},
		{"a node that is not there", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, err := Inside(state, c.node, []string{"true"})
			if got := strings.Join(line, " "); got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
	state.Sandboxed = false
	if _, err := Inside(state, 0, []string{"true"}); CureOf(err) == "" {
		t.Errorf("without a sandbox: %v", err)
	}
}

func TestCureSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("starting: %w", errors.Join(context.Canceled, Cure(io.EOF, "read less")))
	if CureOf(err) != "read less" || !errors.Is(err, io.EOF) {
		t.Errorf("cure %q of %v", CureOf(err), err)
	}
	if Cure(nil, "nothing") != nil || CureOf(io.EOF) != "" {
		t.Error("no error has a cure, or an error without one has")
	}
}

func newPaths(t *testing.T) Paths {
	t.Helper()
	p, err := Home(t.TempDir()).Cluster("c")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func writeTestFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Nodes: 1, Zones: 3, Sandbox: true, Family: addresses.IPv4}
	for _, tc := range []struct {
		name      string
		edit      func(*Options)
		err, cure string
	}{
		{"a real node", func(*Options) {}, "", ""},
		{"simulated nodes with both families", func(o *Options) { o.Nodes, o.Simulated, o.Family = 0, 2, addresses.Dual }, "", ""},
		{"simulated nodes with IPv6, without a sandbox", func(o *Options) { o.Nodes, o.Sandbox, o.Family = 0, false, addresses.IPv6 }, "", ""},
		{"a real node with IPv6", func(o *Options) { o.Family = addresses.IPv6 }, "IPv4 only, not ipv6", "--simulated"},
		{"an address family that there is not", func(o *Options) { o.Family = "ipx" }, `"ipx", only ipv4, ipv6, dual`, "--ip-family"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			options := good
			tc.edit(&options)
			err := options.validate()
			if (err == nil) != (tc.err == "") || err != nil && (!strings.Contains(err.Error(), tc.err) || !strings.Contains(CureOf(err), tc.cure)) {
				t.Errorf("got %v, cure %q, want %q, cure %q", err, CureOf(err), tc.err, tc.cure)
			}
		})
	}
}
