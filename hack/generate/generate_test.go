package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: cluster-image-registry-operator
  annotations:
    capability.openshift.io/name: ImageRegistry
    include.release.openshift.io/self-managed-high-availability: "true"
    include.release.openshift.io/single-node-developer: "true"
spec:
  template:
    spec:
      nodeSelector:
        kubernetes.io/os: linux
        node-role.kubernetes.io/master: ""
      priorityClassName: system-cluster-critical
`

const crd = "kind: CustomResourceDefinition\nmetadata:\n  name: configs.imageregistry.operator.openshift.io\n"

// newTree makes a manifests and a vendor folder.
func newTree(t *testing.T) (manifests, vendor string) {
	t.Helper()
	root := t.TempDir()
	manifests, vendor = filepath.Join(root, "manifests"), filepath.Join(root, "vendor")
	write(t, filepath.Join(manifests, "07-operator.yaml"), deployment)
	write(t, filepath.Join(vendor, crdFolder, "00_configs.crd.yaml"), crd)
	return manifests, vendor
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, manifests, vendor string)
		wantErr string // of -check after the preparation
	}{
		{name: "what was just written is fresh", prepare: func(*testing.T, string, string) {}},
		{
			name: "an edited CRD is stale", wantErr: "00_configs.crd.yaml is not what",
			prepare: func(t *testing.T, manifests, _ string) {
				write(t, filepath.Join(manifests, "00_configs.crd.yaml"), crd+"spec: {}\n")
			},
		},
		{
			name: "a CRD under another name is found by what it is", wantErr: "00-crd.yaml is not what",
			prepare: func(t *testing.T, manifests, _ string) {
				if err := os.Remove(filepath.Join(manifests, "00_configs.crd.yaml")); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(manifests, "00-crd.yaml"), crd+"spec: {}\n")
			},
		},
		{
			name: "an edit of the self-managed Deployment makes the hosted one stale", wantErr: "07-operator-hosted.yaml is not what",
			prepare: func(t *testing.T, manifests, _ string) {
				write(t, filepath.Join(manifests, "07-operator.yaml"), strings.Replace(deployment, "system-cluster-critical", "other", 1))
			},
		},
		{
			name: "a Deployment without the selector to drop is an error", wantErr: "nodeSelector has no node-role.kubernetes.io/master",
			prepare: func(t *testing.T, manifests, _ string) {
				write(t, filepath.Join(manifests, "07-operator.yaml"), strings.Replace(deployment, "node-role", "other", 1))
			},
		},
		{
			name: "no CRD in vendor is an error", wantErr: "no CRD in",
			prepare: func(t *testing.T, _, vendor string) {
				if err := os.RemoveAll(vendor); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			manifests, vendor := newTree(t)
			if err := run(manifests, vendor, false); err != nil {
				t.Fatal(err)
			}
			tc.prepare(t, manifests, vendor)
			err := run(manifests, vendor, true)
			switch {
			case tc.wantErr == "" && err != nil:
				t.Errorf("unexpected: %v", err)
			case tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)):
				t.Errorf("error %v, want one with %q", err, tc.wantErr)
			}
		})
	}
}

func TestMakeHosted(t *testing.T) {
	hosted, err := makeHosted([]byte(deployment))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hypershift: \"true\"", "ibm-cloud-managed: \"true\"", "capability.openshift.io/name", "kubernetes.io/os: linux", "system-cluster-critical"} {
		if !strings.Contains(string(hosted), want) {
			t.Errorf("no %q in\n%s", want, hosted)
		}
	}
	for _, gone := range []string{"self-managed", "single-node", "node-role"} {
		if strings.Contains(string(hosted), gone) {
			t.Errorf("%q is left in\n%s", gone, hosted)
		}
	}
}
