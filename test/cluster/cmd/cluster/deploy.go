package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/build"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/versionoperator"
)

// imageFlags say what the release's images are built from.
type imageFlags struct {
	operator  string
	manifests string
	source    string
}

func (f *imageFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.operator, "operator", "", "the operator's binary, linked statically")
	cmd.Flags().StringVar(&f.manifests, "manifests", "manifests", "folder of the operator's manifests")
	cmd.Flags().StringVar(&f.source, "source", "", "folder of the module to build the registry from; found from the working folder upwards")
}

func (f *imageFlags) build(ctx context.Context, c *common, progress *lifecycle.Progress) ([]lifecycle.Image, error) {
	source, err := findSource(f.source)
	if err != nil {
		return nil, err
	}
	return lifecycle.Home(c.home).BuildImages(ctx, lifecycle.ImageSources{
		Operator: f.operator, Manifests: f.manifests, Source: source,
	}, progress)
}

func newImages(c *common) *cobra.Command {
	f := &imageFlags{}
	cmd := &cobra.Command{
		Use: "images", Short: "Build the images of operator and registry and print where they are, as JSON", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			images, err := f.build(cmd.Context(), c, lifecycle.NewProgress(os.Stderr))
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(os.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(images)
		},
	}
	f.add(cmd)
	_ = cmd.MarkFlagRequired("operator")
	return cmd
}

func newDeploy(c *common) *cobra.Command {
	f := &imageFlags{}
	d := lifecycle.Deployment{}
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Hand a release to the version operator: manifests, and images for every node",
		Long: "Hand a release to the version operator: manifests, and images for every node.\n\n" +
			"With --operator the images of operator and registry are built first; with --image-tarball they are given. " +
			"An image is used for the tag of image-references that its repository is named after.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := f.deploy(cmd.Context(), c, d)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&d.Tarballs, "image-tarball", nil, "image to import into every real node")
	cmd.Flags().StringToStringVar(&d.Images, "image", nil, "placeholder=reference, for images that come from elsewhere")
	cmd.Flags().StringVar(&d.Version, "version", "4.22.0", "version of the release")
	cmd.Flags().StringVar(&d.Profile, "profile", versionoperator.DefaultProfile, "profile of the cluster: manifests that do not include it are left out")
	return cmd
}

func (f *imageFlags) deploy(ctx context.Context, c *common, d lifecycle.Deployment) (*lifecycle.Announced, error) {
	progress := lifecycle.NewProgress(os.Stdout)
	paths, err := c.paths()
	if err != nil {
		return nil, err
	}
	if f.operator != "" {
		images, err := f.build(ctx, c, progress)
		if err != nil {
			return nil, err
		}
		for _, image := range images {
			d.Tarballs = append(d.Tarballs, image.Tarball)
		}
		progress.Step("images are built")
	}
	d.Manifests = f.manifests
	if d.Self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	return lifecycle.Deploy(ctx, paths, d, progress)
}

// findSource is the folder of this module: the given one, or the one found from the working folder upwards.
func findSource(given string) (string, error) {
	if given != "" {
		absolute, err := filepath.Abs(given)
		if err != nil {
			return "", fmt.Errorf("resolving %s: %w", given, err)
		}
		return absolute, nil
	}
	cwd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	source, err := build.FindSource(cwd)
	return source, lifecycle.Cure(err, "run inside the repository, or use --source")
}
