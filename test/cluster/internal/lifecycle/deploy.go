package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/versionoperator"
)

// Deployment is a release to hand to the version operator's stand-in.
type Deployment struct {
	Version string
	// Profile of the cluster, which chooses among the manifests; empty: that of a cluster that manages itself.
	Profile string
	// Manifests is the folder of the manifests, image-references included.
	Manifests string
	// Tarballs are the images; each belongs to the tag of image-references that its repository is named after.
	Tarballs []string
	// Images are further references by placeholder.
	Images map[string]string
	// Self is this program, which is run inside the nodes to import the images.
	Self string
}

// releaseFile announces a release, beside the folder of its manifests.
const releaseFile = "release.json"

// release is the content of releaseFile.
type release struct {
	Version string            `json:"version"`
	Images  map[string]string `json:"images"`
	Profile string            `json:"profile"`
}

// Announced is a release that the version operator's stand-in has been told of: applying it is yet to come.
type Announced struct {
	// At is when, by the clock of the file that tells it.
	At time.Time
	// Images are the references of all images.
	Images []string
}

// Deploy copies the manifests, imports the images into every real node and then announces the release. The version
// operator's stand-in notices and applies.
func Deploy(ctx context.Context, p Paths, d Deployment, progress *Progress) (*Announced, error) {
	state, err := ReadState(p)
	if err != nil {
		return nil, err
	}
	profile := cmp.Or(d.Profile, versionoperator.DefaultProfile)
	if err := versionoperator.CheckProfile(profile); err != nil {
		return nil, Cure(err, "leave out --profile for a cluster that manages itself")
	}
	images, missing, err := d.references()
	if err != nil {
		return nil, err
	}
	for _, tag := range missing {
		if state.Nodes > 0 {
			progress.Step("no image for %s: pods that use it will not start", tag)
		}
	}
	for index := range state.Nodes {
		for _, file := range d.Tarballs {
			if err := importInto(ctx, state, index, d.Self, file); err != nil {
				return nil, err
			}
		}
		progress.Step("%d image(s) imported into node %d", len(d.Tarballs), index)
	}
	if err := replaceFolder(d.Manifests, filepath.Join(p.Release(), "manifests")); err != nil {
		return nil, err
	}
	announced, err := announce(p, release{Version: d.Version, Images: images, Profile: profile})
	if err != nil {
		return nil, err
	}
	progress.Step("release %s is announced to the version operator", d.Version)
	return announced, nil
}

// announce writes the file that the version operator's stand-in looks for.
func announce(p Paths, r release) (*Announced, error) {
	file := filepath.Join(p.Release(), releaseFile)
	if err := writeJSON(file, r); err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("looking when release %s was announced: %w", r.Version, err)
	}
	return &Announced{At: info.ModTime(), Images: slices.Sorted(maps.Values(r.Images))}, nil
}

// references finds an image for every placeholder of image-references. A tag without one gets a reference that no node
// has, as the version operator insists on all.
func (d Deployment) references() (images map[string]string, missing []string, err error) {
	byName := map[string]string{}
	for _, file := range d.Tarballs {
		ref, err := tarballRef(file)
		if err != nil {
			return nil, nil, err
		}
		name, _, _ := strings.Cut(path.Base(ref), ":")
		byName[name] = ref
	}
	var stream struct {
		Spec struct {
			Tags []struct {
				Name string `json:"name"`
				From struct {
					Name string `json:"name"`
				} `json:"from"`
			} `json:"tags"`
		} `json:"spec"`
	}
	file := filepath.Join(d.Manifests, "image-references")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the release's images: %w", err)
	}
	if err := yaml.Unmarshal(data, &stream); err != nil {
		return nil, nil, fmt.Errorf("decoding %s: %w", file, err)
	}
	images = map[string]string{}
	for _, tag := range stream.Spec.Tags {
		ref := byName[tag.Name]
		if given := d.Images[tag.From.Name]; given != "" {
			ref = given
		}
		if ref == "" {
			missing = append(missing, tag.Name)
			ref = repository + tag.Name + ":not-built"
		}
		images[tag.From.Name] = ref
	}
	return images, missing, nil
}

// tarballRef is the reference that an image tarball carries.
func tarballRef(file string) (string, error) {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return "", fmt.Errorf("reading image tarball %s: %w", file, err)
	}
	if len(manifest) != 1 || len(manifest[0].RepoTags) != 1 {
		return "", fmt.Errorf("reading image tarball %s: it must hold one image with one tag", file)
	}
	return manifest[0].RepoTags[0], nil
}

// importInto streams a tarball into a node's containerd: the file's path may mean something else inside.
func importInto(ctx context.Context, state *State, node int, self, file string) error {
	input, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("opening image tarball: %w", err)
	}
	defer input.Close()
	line, err := Inside(state, node, []string{self, "import"})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdin = input
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("importing %s into node %d: %w: %s", file, node, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// operatorName is the name of the operator's image in the release.
const operatorName = "cluster-image-registry-operator"

// payloadName is a manifest's file name in the release. Building a release puts manifests that do not say where in the
// order of all operators they belong ("0000_<level>_") into level 50 under the name of their image; the version operator
// applies in the order of these names.
func payloadName(file string) string {
	if strings.HasPrefix(file, "0000_") || file == "image-references" {
		return file
	}
	return "0000_50_" + operatorName + "_" + file
}

// replaceFolder makes target a copy of source's files as a release has them. Links are followed: manifests may be links
// to vendored files.
func replaceFolder(source, target string) error {
	fresh := target + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("removing %s: %w", fresh, err)
	}
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", fresh, err)
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return fmt.Errorf("reading the manifests: %w", err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(source, entry.Name()))
		if err != nil {
			return fmt.Errorf("reading a manifest: %w", err)
		}
		if err := os.WriteFile(filepath.Join(fresh, payloadName(entry.Name())), data, 0o644); err != nil {
			return fmt.Errorf("writing a manifest: %w", err)
		}
	}
	if err := errors.Join(os.RemoveAll(target), os.Rename(fresh, target)); err != nil {
		return fmt.Errorf("replacing %s: %w", target, err)
	}
	return nil
}
