// Command programs builds programs of this module the way the cluster does, or finds them where it keeps them, and prints
// a line "name path" for each: for tests that start one of them alone.
//
//	programs [-home FOLDER] kube s3
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
)

var known = []build.Program{
	build.Kube, build.Azure, build.DockerRegistry, build.DockerRegistry2, build.GCS, build.IBM, build.OC, build.Pause, build.S3, build.Swift,
}

func main() {
	home := flag.String("home", "", "folder that holds everything, the cluster's --home")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *home, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "programs:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, home string, names []string) error {
	source, err := build.FindSource(".")
	if err != nil {
		return err
	}
	builder := build.Builder{
		Source: source, Bin: filepath.Join(home, "bin"),
		Progress: func(line string) { fmt.Fprintln(os.Stderr, " ", line) },
	}
	for _, name := range names {
		i := slices.IndexFunc(known, func(p build.Program) bool { return p.Name == name })
		if i < 0 {
			return fmt.Errorf("no program %q", name)
		}
		path, err := builder.Build(ctx, known[i])
		if err != nil {
			return err
		}
		fmt.Println(name, path)
	}
	return nil
}
