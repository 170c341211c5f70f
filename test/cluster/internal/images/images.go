// Package images builds container images without a container engine.
//
// A cluster of this module has no registry to pull from and no engine to build with: an image is a tarball in
// the layout of `docker save`, which `ctr -n k8s.io images import` reads. The tarball is a function of its
// inputs alone (sorted entries, zero times, numeric owners), so an unchanged binary gives an unchanged digest and
// a second import is a no-op.
//
// Layers are stored uncompressed: the file is read back once, on the same machine, and compressing a hundred
// megabytes of Go binaries would cost more than everything else done here.
package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Config is the part of an image's configuration that a pod can observe.
type Config struct {
	// Entrypoint is the command a container runs when its pod names none.
	Entrypoint []string
	// Env holds NAME=value pairs.
	Env []string
	// User must be numeric: the kubelet refuses runAsNonRoot with a user name it cannot resolve.
	User string
	// WorkingDir is the directory a container starts in; empty means /.
	WorkingDir string
	// Labels are the image's labels.
	Labels map[string]string
}

// Build writes the image with one layer made of files as a docker tarball to dst, named ref. The file appears at
// dst only when it is complete.
func Build(ctx context.Context, dst, ref string, c Config, files []File) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("image reference %q: %w", ref, err)
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return fmt.Errorf("creating the folder of image %s: %w", ref, err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(dst), ".image-*")
	if err != nil {
		return fmt.Errorf("creating a scratch folder for image %s: %w", ref, err)
	}
	defer os.RemoveAll(scratch)

	layer, err := writeLayer(ctx, filepath.Join(scratch, "layer.tar"), files)
	if err != nil {
		return fmt.Errorf("writing the layer of image %s: %w", ref, err)
	}
	image, err := assemble(layer, c)
	if err != nil {
		return fmt.Errorf("assembling image %s: %w", ref, err)
	}
	complete := filepath.Join(scratch, "image.tar")
	if err := tarball.WriteToFile(complete, tag, image); err != nil {
		return fmt.Errorf("writing image %s: %w", ref, err)
	}
	if err := os.Rename(complete, dst); err != nil {
		return fmt.Errorf("putting image %s in place: %w", ref, err)
	}
	return nil
}

// Ref returns name tagged with a hash of the files: another content is another reference, so that a pod with
// imagePullPolicy IfNotPresent never runs an older build.
func Ref(repository string, files []File) (string, error) {
	digest := sha256.New()
	if err := writeTar(context.Background(), digest, files); err != nil {
		return "", fmt.Errorf("hashing the files of image %s: %w", repository, err)
	}
	ref := repository + ":" + hex.EncodeToString(digest.Sum(nil))[:16]
	if _, err := name.NewTag(ref, name.StrictValidation); err != nil {
		return "", fmt.Errorf("image name %q: %w", repository, err)
	}
	return ref, nil
}

func assemble(layer v1.Layer, c Config) (v1.Image, error) {
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS = "linux"
	config.Architecture = runtime.GOARCH
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.History = nil
	config.Config = v1.Config{
		Entrypoint: c.Entrypoint,
		Env:        c.Env,
		User:       c.User,
		WorkingDir: c.WorkingDir,
		Labels:     c.Labels,
	}
	return mutate.ConfigFile(image, config)
}
