package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/images"
)

// repository is where the images of a cluster claim to come from. The name resolves to nothing, so a pod that asks for
// an image that has not been imported fails at once.
const repository = "images.cluster.test/"

// Image is an image as a file.
type Image struct {
	// Name is the tag of the release's image-references that it is for.
	Name    string `json:"name"`
	Ref     string `json:"ref"`
	Tarball string `json:"tarball"`
}

// ImageSources say what the release's images are made of.
type ImageSources struct {
	// Operator is the operator's binary, Manifests the folder of its manifests.
	Operator  string
	Manifests string
	// Source is the folder of this module; registry and pruner are built from it.
	Source string
}

// BuildImages builds the images of a release: the operator, and the registry and the pruner that it installs. The files
// are kept below the home folder under names of their content.
func (h Home) BuildImages(ctx context.Context, sources ImageSources, progress *Progress) ([]Image, error) {
	builder := build.Builder{
		Source: sources.Source, Bin: h.Bin(),
		Progress: func(line string) { progress.Step("%s", line) },
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, Cure(errors.New("the images need busybox, linked statically"), "run `cluster install` as root, or install busybox-static by hand")
	}
	contents := func() (images.Config, []images.File) {
		return images.Operator(sources.Operator, busybox, sources.Manifests)
	}
	image, err := h.buildImage(ctx, operatorName, contents)
	if err != nil {
		return nil, err
	}
	built := []Image{image}
	// The names are those of the tags in image-references.
	for _, operand := range []struct {
		name     string
		program  build.Program
		contents func(program, busybox string) (images.Config, []images.File)
	}{
		{"docker-registry", build.DockerRegistry, images.Registry},
		{"cli", build.OC, images.CLI},
	} {
		program, err := builder.Build(ctx, operand.program)
		if err != nil {
			return nil, err
		}
		image, err := h.buildImage(ctx, operand.name, func() (images.Config, []images.File) { return operand.contents(program, busybox) })
		if err != nil {
			return nil, err
		}
		built = append(built, image)
	}
	return built, nil
}

// buildImage builds an image unless its file is there. The reference holds a hash of the content, the file name too.
func (h Home) buildImage(ctx context.Context, name string, contents func() (images.Config, []images.File)) (Image, error) {
	config, files := contents()
	ref, err := images.Ref(repository+name, files)
	if err != nil {
		return Image{}, fmt.Errorf("naming image %s: %w", name, err)
	}
	_, tag, _ := strings.Cut(ref, ":")
	image := Image{Name: name, Ref: ref, Tarball: filepath.Join(h.Images(), name+"-"+tag+".tar")}
	now := time.Now()
	if os.Chtimes(image.Tarball, now, now) == nil {
		return image, nil // it is there, and in use from now on
	}
	if err := os.MkdirAll(h.Images(), 0o755); err != nil {
		return image, fmt.Errorf("creating the folder of images: %w", err)
	}
	if err := h.forgetImages(name); err != nil {
		return image, err
	}
	if err := images.Build(ctx, image.Tarball, ref, config, files); err != nil {
		return image, fmt.Errorf("building image %s: %w", name, err)
	}
	return image, nil
}

// imageLifetime is how long an image that nobody asks for is kept. Each build of the operator makes one of its size, but
// another cluster may be about to import the one before.
const imageLifetime = time.Hour

// forgetImages removes files of an image that have not been used for a while.
func (h Home) forgetImages(name string) error {
	files, err := filepath.Glob(filepath.Join(h.Images(), name+"-*.tar"))
	if err != nil {
		return fmt.Errorf("listing the files of image %s: %w", name, err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < imageLifetime {
			continue // another process may have removed it
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing an old file of image %s: %w", name, err)
		}
	}
	return nil
}
