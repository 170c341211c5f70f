// Package crdsource finds the OpenShift CRDs in the module cache. It needs the go command, so only the generator and tests
// use it; the running cluster has the copies embedded.
package crdsource

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	module = "github.com/openshift/api"
	config = "config/v1/zz_generated.crd-manifests/"
)

// paths are the files inside the module. Where a CRD differs by feature set, it is the default one. The two CRDs of the
// registry operator itself are not here: the version operator applies them from the operator's manifests.
var paths = []string{
	"LICENSE",
	config + "0000_00_cluster-version-operator_01_clusteroperators.crd.yaml",
	config + "0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml",
	config + "0000_03_config-operator_01_proxies.crd.yaml",
	config + "0000_10_config-operator_01_apiservers-Default.crd.yaml",
	config + "0000_10_config-operator_01_dnses-Default.crd.yaml",
	config + "0000_10_config-operator_01_featuregates.crd.yaml",
	config + "0000_10_config-operator_01_images.crd.yaml",
	config + "0000_10_config-operator_01_infrastructures-Default.crd.yaml",
	config + "0000_10_config-operator_01_ingresses-Default.crd.yaml",
	"route/v1/zz_generated.crd-manifests/routes.crd.yaml",
}

// Read returns the files by base name, as they are in the module at the version that go.mod names.
func Read(ctx context.Context) (map[string][]byte, error) {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("finding module %s: %w", module, err)
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		return nil, fmt.Errorf("module %s is not in the module cache: run go mod download", module)
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return nil, fmt.Errorf("reading a file of module %s: %w", module, err)
		}
		files[filepath.Base(path)] = data
	}
	return files, nil
}
