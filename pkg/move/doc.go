// Package move copies the images of one storage of the registry to another. It is the program of Job image-registry-move,
// which the storage controller makes when an administrator asks for it (docs/storage/moving.md).
//
// The source is only read. Files are copied in the order in which a registry writes them (blobs, layer links, revisions,
// tags), so that who reads the target never finds a link without what it leads to. A blob is compared with the digest in
// its path on the way; one that differs is named and left out. What the target has is not copied again: a run that was
// interrupted goes on where it was. Blobs that the target had before the first run are compared with their digests, once.
//
// Reads: files /etc/move/source.json and target.json (storage.Snapshot), the media. Writes: the target, and its progress
// into an annotation of its own Job.
package move
