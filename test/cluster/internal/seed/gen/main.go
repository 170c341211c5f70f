// Command gen copies the OpenShift CRDs that the cluster needs, with their licence, from the module github.com/openshift/api
// into the folder given as its argument. A test holds the copies against the module.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed/crdsource"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder string) error {
	files, err := crdsource.Read(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("emptying %s: %w", folder, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", folder, err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
