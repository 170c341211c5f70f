// Package bindata embeds the objects that the operator applies: one YAML file per object. What depends on the cluster
// or on Config is set by typed code, never by text replacement: a value typed by an administrator cannot break a file.
package bindata

import (
	"embed"
	"fmt"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed move/*.yaml nodeca/*.yaml pruner/*.yaml registry/*.yaml trust/*.yaml
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

// Object is a pointer to a type of the API, which can copy what it points to.
type Object[T any] interface {
	*T
	DeepCopyInto(into *T)
}

// decoded are the objects of the files that have been asked for: YAML takes longer to read than all else that happens
// between an edit of Config and the write that follows from it. Nobody but MustDecode touches them.
var decoded sync.Map

// MustDecode makes the object that a file holds, which is the caller's to change; fields that T does not have are refused.
// A file that does not decode is a mistake of the build, found by any test.
func MustDecode[T any, P Object[T]](name string) *T {
	original, found := decoded.Load(name)
	if !found {
		object := new(T)
		if err := yaml.UnmarshalStrict(MustAsset(name), object); err != nil {
			panic(fmt.Errorf("decoding embedded object %s: %w", name, err))
		}
		original, _ = decoded.LoadOrStore(name, object)
	}
	object := new(T)
	P(original.(*T)).DeepCopyInto(object)
	return object
}
