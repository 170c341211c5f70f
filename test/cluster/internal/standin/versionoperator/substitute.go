package versionoperator

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// snapshotVersion stands for the release's version in manifests.
const snapshotVersion = "0.0.1-snapshot"

// references is what this operator needs of the ImageStream in the file image-references.
type references struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Tags []struct {
			Name string `json:"name"`
			From struct {
				Kind string `json:"kind"`
				Name string `json:"name"`
			} `json:"from"`
		} `json:"tags"`
	} `json:"spec"`
}

// checkReferences holds image-references against the release's images: each placeholder has an image and each image a
// placeholder.
func checkReferences(data []byte, images map[string]string) error {
	var r references
	if err := yaml.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%s: %w", imageReferences, err)
	}
	if r.Kind != "ImageStream" || r.APIVersion != "image.openshift.io/v1" {
		return fmt.Errorf("%s: %s %s, must be an ImageStream of image.openshift.io/v1", imageReferences, r.APIVersion, r.Kind)
	}
	var errs []error
	known := map[string]bool{}
	for _, tag := range r.Spec.Tags {
		if tag.From.Kind != "DockerImage" || tag.From.Name == "" {
			errs = append(errs, fmt.Errorf("%s: tag %s: from must be a DockerImage with a name", imageReferences, tag.Name))
			continue
		}
		known[tag.From.Name] = true
		if images[tag.From.Name] == "" {
			errs = append(errs, fmt.Errorf("%s: tag %s: %s has no image for %s", imageReferences, tag.Name, releaseFile, tag.From.Name))
		}
	}
	for placeholder := range images {
		if !known[placeholder] {
			errs = append(errs, fmt.Errorf("%s: image for %s, which %s does not have", releaseFile, placeholder, imageReferences))
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
	return errors.Join(errs...)
}

// substitute puts the release's images and version into a manifest. Only whole strings are replaced, as a release build does.
func substitute(m Manifest, meta *metadata) error {
	var errs []error
	replaced := walk(m.Object.Object, func(s string) string {
		if ref, ok := meta.Images[s]; ok {
			return ref
		}
		if s == snapshotVersion {
			return meta.Version
		}
		if strings.Contains(s, snapshotVersion) {
			errs = append(errs, fmt.Errorf("%s: %s inside a longer text is not replaced", m, snapshotVersion))
		}
		return s
	})
	m.Object.Object, _ = replaced.(map[string]any)
	for _, image := range podImages(m.Object.Object) {
		if !slices.Contains(values(meta.Images), image) {
			errs = append(errs, fmt.Errorf("%s: image %q is not in %s", m, image, imageReferences))
		}
	}
	return errors.Join(errs...)
}

// walk rebuilds a JSON value with every string passed through the function.
func walk(value any, replace func(string) string) any {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			v[key] = walk(child, replace)
		}
		return v
	case []any:
		for i, child := range v {
			v[i] = walk(child, replace)
		}
		return v
	case string:
		return replace(v)
	default:
		return v
	}
}

// podImages lists the images of the containers of a workload.
func podImages(object map[string]any) []string {
	var out []string
	for _, c := range containersOf(object) {
		if image, ok := c["image"].(string); ok {
			out = append(out, image)
		}
	}
	return out
}

func values(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
