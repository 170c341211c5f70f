package nodeca

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// removeFormer removes the folders that earlier releases made of keys without asking whether they name a registry: one
// called storage-ca-bundle.pem, for instance. They have no marker, but are known by their content: the value of the key,
// and nothing else.
func (d destination) removeFormer(from source) ([]string, error) {
	var removed []string
	var problems []error
	for _, one := range slices.Concat(from.others, slices.Collect(maps.Values(from.wanted))) {
		name := formerFolder(one.key)
		if _, wanted := from.wanted[name]; wanted || !one.readable() || !d.isFormer(name, one.content) {
			continue
		}
		if err := d.remove(name); err != nil {
			problems = append(problems, fmt.Errorf("folder %s of an earlier release: %w", name, err))
			continue
		}
		removed = append(removed, name)
	}
	slices.Sort(removed)
	return removed, errors.Join(problems...)
}

func (d destination) isFormer(name string, content []byte) bool {
	entries, err := d.list(name)
	if err != nil || len(entries) != 1 || entries[0].Name() != file || !entries[0].Type().IsRegular() {
		return false
	}
	there, err := d.root.ReadFile(path.Join(name, file))
	return err == nil && bytes.Equal(there, content)
}

// formerFolder is the name that earlier releases gave the folder of a key.
func formerFolder(key string) string {
	if last := strings.LastIndex(key, separator); last >= 0 {
		return key[:last] + ":" + key[last+len(separator):]
	}
	return key
}
