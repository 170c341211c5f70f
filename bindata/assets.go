// Package bindata embeds the objects that the operator applies: one YAML file per object. What depends on the cluster
// or on Config is set by typed code, never by text replacement: a value typed by an administrator cannot break a file.
package bindata

import (
	"embed"
	"fmt"

	"sigs.k8s.io/yaml"
)

//go:embed nodeca/*.yaml pruner/*.yaml registry/*.yaml trust/*.yaml
var files embed.FS

// Asset returns the content of a file of this directory, such as "registry/service.yaml".
func Asset(name string) ([]byte, error) {
	content, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading embedded file %s: %w", name, err)
	}
	return content, nil
}

// MustAsset is Asset for names fixed in code: a missing file is a mistake of the build.
func MustAsset(name string) []byte {
	content, err := Asset(name)
	if err != nil {
		panic(err)
	}
	return content
}

// MustDecode makes the object that a file holds; fields that T does not have are refused. A file that does not decode is a
// mistake of the build, found by any test.
func MustDecode[T any](name string) *T {
	object := new(T)
	if err := yaml.UnmarshalStrict(MustAsset(name), object); err != nil {
		panic(fmt.Errorf("decoding embedded object %s: %w", name, err))
	}
	return object
}
