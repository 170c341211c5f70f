package storage

import (
	"regexp"
	"strings"
)

// maxNameLength is one less than what the clouds allow; names of this length are in the field.
const maxNameLength = 62

// baseName is the fixed part of every generated name.
const baseName = "image-registry"

var dashes = regexp.MustCompile(`-{2,}`)

// DeterministicName is the name of a medium made for the cluster called infrastructure. The same input gives the same
// output, so that a retry after a lost write finds its own medium. It always has room for the last dash to be
// replaced: the clouds refuse names that end in one.
func DeterministicName(infrastructure string, extra ...string) string {
	parts := []string{infrastructure, baseName}
	for _, part := range extra {
		if part != "" {
			parts = append(parts, part)
		}
	}
	name := dashes.ReplaceAllString(strings.Join(parts, "-"), "-")
	if len(name) > maxNameLength {
		name = name[:maxNameLength]
	}
	if trimmed, found := strings.CutSuffix(name, "-"); found {
		name = trimmed + "s"
	}
	return strings.ToLower(name)
}
