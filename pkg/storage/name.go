package storage

import (
	"crypto/rand"
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
	name := joined(infrastructure, extra)
	if len(name) > maxNameLength {
		name = name[:maxNameLength]
	}
	if trimmed, found := strings.CutSuffix(name, "-"); found {
		name = trimmed + "s"
	}
	return strings.ToLower(name)
}

// RandomName is a name of exactly 62 characters for a medium whose name nobody else in the world may have: the fixed part
// as in DeterministicName, and letters. It is made once and stored before anything is created.
func RandomName(infrastructure string, extra ...string) string {
	name := joined(infrastructure, extra)
	switch {
	case len(name) < maxNameLength-1:
		name += "-" + random(maxNameLength-len(name)-1, letters)
	case len(name) < maxNameLength:
		name += random(1, letters)
	default:
		name = name[:maxNameLength]
		if trimmed, found := strings.CutSuffix(name, "-"); found {
			name = trimmed + random(1, letters)
		}
	}
	return strings.ToLower(name)
}

// Alphabets of generated names: account names take the one of Kubernetes, which makes no words.
const (
	letters     = "abcdefghijklmnopqrstuvwxyz"
	accountText = "bcdfghjklmnpqrstvwxz2456789"
)

// maxAccountPrefix leaves room for five random characters in the 24 that Azure allows.
const maxAccountPrefix = 19

var notAlphanumeric = regexp.MustCompile(`[^0-9A-Za-z]`)

// RandomAccountName is a name for an Azure storage account or private endpoint: 24 lower-case letters and digits at most.
func RandomAccountName(infrastructure string) string {
	name := "imageregistry" + notAlphanumeric.ReplaceAllString(infrastructure, "")
	return strings.ToLower(name[:min(len(name), maxAccountPrefix)] + random(5, accountText))
}

// joined is the fixed part of a name, with the extra parts that are not empty.
func joined(infrastructure string, extra []string) string {
	parts := []string{infrastructure, baseName}
	for _, part := range extra {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return dashes.ReplaceAllString(strings.Join(parts, "-"), "-")
}

// random are n characters of alphabet, from a source that nobody can guess: who knows a name ahead of us can take it.
func random(n int, alphabet string) string {
	text := make([]byte, 0, n)
	// Bytes beyond the last whole multiple would favour the first characters.
	limit := 256 - 256%len(alphabet)
	for buffer := make([]byte, 64); len(text) < n; {
		_, _ = rand.Read(buffer) // never fails: crypto/rand ends the process when it has nothing to give
		for _, b := range buffer {
			if int(b) < limit && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}
