// Command generate writes the files of manifests/ that are made from something else, or with -check says which are stale:
// the CRDs, copied from the vendored API module, and the operator's Deployment for hosted control planes, made from the
// self-managed one.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	// go mod vendor copies the folder of an imported package with its CRDs, and only of such.
	_ "github.com/openshift/api/imageregistry/v1/zz_generated.crd-manifests"
)

// output is a generated file.
type output struct {
	path    string
	content []byte
	from    string
}

func main() {
	check := flag.Bool("check", false, "compare instead of write; exit code 1 when something is stale")
	manifests := flag.String("manifests", "manifests", "folder of the operator's manifests")
	vendor := flag.String("vendor", "vendor", "folder of the vendored modules")
	flag.Parse()
	if err := run(*manifests, *vendor, *check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(manifests, vendor string, check bool) error {
	outputs, err := crds(manifests, vendor)
	if err != nil {
		return err
	}
	hosted, err := hostedDeployment(manifests)
	if err != nil {
		return err
	}
	var stale []string
	for _, o := range append(outputs, hosted) {
		current, err := os.ReadFile(o.path)
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("reading %s: %w", o.path, err)
		}
		if err == nil && bytes.Equal(current, o.content) {
			continue
		}
		if check {
			stale = append(stale, fmt.Sprintf("%s is not what %s makes it", o.path, o.from))
			continue
		}
		if err := os.WriteFile(o.path, o.content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", o.path, err)
		}
		fmt.Println("wrote", o.path)
	}
	if len(stale) > 0 {
		return fmt.Errorf("stale (make update):\n%s", strings.Join(stale, "\n"))
	}
	return nil
}

// crdFolder has the CRDs of the group the operator serves; config.openshift.io is others' to install.
const crdFolder = "github.com/openshift/api/imageregistry/v1/zz_generated.crd-manifests"

// crds copies each CRD of the API module unchanged. A file of manifests/ that already holds a CRD keeps its name.
func crds(manifests, vendor string) ([]output, error) {
	sources, err := filepath.Glob(filepath.Join(vendor, crdFolder, "*.crd.yaml"))
	if err != nil {
		return nil, fmt.Errorf("looking for CRDs: %w", err)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no CRD in %s: is the package imported, so that go mod vendor copies it?", filepath.Join(vendor, crdFolder))
	}
	existing, err := readManifests(manifests)
	if err != nil {
		return nil, err
	}
	var outputs []output
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			return nil, fmt.Errorf("reading CRD: %w", err)
		}
		crd, err := parse(source, content)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(manifests, filepath.Base(source))
		for _, m := range existing {
			if m.Kind == crd.Kind && m.Metadata.Name == crd.Metadata.Name {
				path = m.path
			}
		}
		outputs = append(outputs, output{path, content, source})
	}
	return outputs, nil
}
