package move

import (
	"strings"
)

// root is where registries keep everything.
const root = "docker/registry/v2/"

// Prefixes of the two halves of root.
const (
	repositories = root + "repositories/"
	blobs        = root + "blobs/"
)

// stage is when a file may be copied: after everything of the stages before it.
type stage int

const (
	// blobStage: what links lead to.
	blobStage stage = iota
	// layerStage: links to layers, and what else belongs to a repository.
	layerStage
	// revisionStage: links to manifests, through which layers are found.
	revisionStage
	// tagStage: the only files that change: which manifest a tag stands for.
	tagStage
	stages
)

// stageOf is the stage of the file, and whether it is copied at all: uploads under way are of use to the registry that
// serves them only.
func stageOf(path string) (stage, bool) {
	switch {
	case strings.HasPrefix(path, blobs):
		return blobStage, true
	case !strings.HasPrefix(path, repositories), strings.Contains(path, "/_uploads/"):
		return 0, false
	case strings.Contains(path, "/_manifests/tags/"):
		return tagStage, true
	case strings.Contains(path, "/_manifests/"):
		return revisionStage, true
	}
	return layerStage, true
}

// mutable tells that the content of the file may change while its size does not.
func mutable(path string) bool {
	return strings.Contains(path, "/_manifests/tags/") && strings.HasSuffix(path, "/current/link")
}

// digestOf takes the algorithm and the hexadecimal digest out of the path of a blob: blobs/sha256/ab/ab…/data. It is not
// found in the path of another file.
func digestOf(path string) (algorithm, digest string, found bool) {
	rest, below := strings.CutPrefix(path, blobs)
	parts := strings.Split(rest, "/")
	if !below || len(parts) != 4 || parts[3] != "data" || !strings.HasPrefix(parts[2], parts[1]) {
		return "", "", false
	}
	return parts[0], parts[2], true
}
