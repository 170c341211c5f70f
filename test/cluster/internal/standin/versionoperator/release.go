package versionoperator

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	releaseFile     = "release.json"
	manifestsDir    = "manifests"
	imageReferences = "image-references"
)

// Release is a payload: what to apply, with its images and version already put in.
type Release struct {
	Version string
	// Profile is what the cluster is; it takes the manifests that include it.
	Profile   string
	Manifests []Manifest
}

// Manifest is one object of one file.
type Manifest struct {
	File   string
	Index  int
	Object *unstructured.Unstructured
	kind   kind
}

// String says where the object comes from and what it is.
func (m Manifest) String() string {
	name := m.Object.GetName()
	if ns := m.Object.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return fmt.Sprintf("%s[%d] %s %s", m.File, m.Index, m.Object.GetKind(), name)
}

// metadata is the content of release.json.
type metadata struct {
	Version string            `json:"version"`
	Images  map[string]string `json:"images"`
	// Profile of the cluster; empty: DefaultProfile.
	Profile string `json:"profile,omitempty"`
}

// Load reads a release. It reports every fault it finds, not only the first.
func Load(dir string) (*Release, error) {
	meta, err := loadMetadata(filepath.Join(dir, releaseFile))
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, manifestsDir)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the manifests: %w", err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(payloadName(a.Name()), payloadName(b.Name())) })
	release := &Release{Version: meta.Version, Profile: meta.Profile}
	var errs []error
	for _, entry := range entries {
		manifests, err := loadFile(folder, entry.Name(), meta)
		errs = append(errs, err)
		release.Manifests = append(release.Manifests, manifests...)
	}
	hasReferences := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == imageReferences })
	if !hasReferences && len(meta.Images) > 0 {
		errs = append(errs, fmt.Errorf("%s has images but there is no file %s", releaseFile, imageReferences))
	}
	for _, m := range release.Manifests {
		errs = append(errs, substitute(m, meta))
	}
	errs = append(errs, duplicates(release.Manifests))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return release, nil
}

func loadFile(folder, name string, meta *metadata) ([]Manifest, error) {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	switch ext := filepath.Ext(name); {
	case name == imageReferences:
		return nil, checkReferences(data, meta.Images)
	case ext == ".yaml" || ext == ".yml" || ext == ".json":
		return parse(name, data)
	}
	return nil, fmt.Errorf("%s: neither a manifest nor %s", name, imageReferences)
}

var runLevel = regexp.MustCompile(`^0000_[0-9]{2}_`)

// payloadName is what a file is called in a release, whose order is that of its file names: the release build gives run
// level 50 to files that have none. (Without it 0000_90_x would come before 00_x.)
func payloadName(name string) string {
	if runLevel.MatchString(name) {
		return name
	}
	return "0000_50_" + name
}

func loadMetadata(path string) (*metadata, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the release: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	meta := &metadata{}
	if err := decoder.Decode(meta); err != nil {
		return nil, fmt.Errorf("reading %s: %w", releaseFile, err)
	}
	if meta.Version == "" {
		return nil, fmt.Errorf("reading %s: version is empty", releaseFile)
	}
	if meta.Profile == "" {
		meta.Profile = DefaultProfile
	}
	if err := CheckProfile(meta.Profile); err != nil {
		return nil, fmt.Errorf("reading %s: %w", releaseFile, err)
	}
	return meta, nil
}

// parse splits a file into objects and checks that each is of a kind that is known, and named.
func parse(file string, data []byte) ([]Manifest, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var out []Manifest
	var errs []error
	for index := 0; ; index++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, fmt.Errorf("%s[%d]: %w", file, index, err)
		}
		m, err := parseDocument(file, index, document)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", file, index, err))
			continue
		}
		if m != nil {
			out = append(out, *m)
		}
	}
	if len(out) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%s: holds no object", file))
	}
	return out, errors.Join(errs...)
}

func parseDocument(file string, index int, document []byte) (*Manifest, error) {
	data, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil, nil // only comments
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	k, ok := kinds[obj.GroupVersionKind()]
	if !ok {
		return nil, fmt.Errorf("kind %s is not known to this version operator", obj.GroupVersionKind())
	}
	switch {
	case obj.GetName() == "":
		return nil, fmt.Errorf("%s without a name", obj.GetKind())
	case k.namespaced && obj.GetNamespace() == "":
		return nil, fmt.Errorf("%s %s without a namespace", obj.GetKind(), obj.GetName())
	case !k.namespaced && obj.GetNamespace() != "":
		return nil, fmt.Errorf("%s %s has a namespace but its kind has none", obj.GetKind(), obj.GetName())
	}
	return &Manifest{File: file, Index: index, Object: obj, kind: k}, nil
}

// duplicates finds objects that two manifests describe for the same profile: they would be changed back and forth for ever.
func duplicates(manifests []Manifest) error {
	var errs []error
	seen := map[string][]Manifest{}
	for _, m := range manifests {
		key := m.key()
		for _, other := range seen[key] {
			if shared := intersect(profilesOf(m.Object), profilesOf(other.Object)); len(shared) > 0 {
				errs = append(errs, fmt.Errorf("%s and %s describe the same object for profiles %v", other, m, shared))
			}
		}
		seen[key] = append(seen[key], m)
	}
	return errors.Join(errs...)
}

func intersect(a, b []string) []string {
	var out []string
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

// key identifies the object in the cluster.
func (m Manifest) key() string {
	return objectKey(m.kind.resource, m.Object.GetNamespace(), m.Object.GetName())
}
