package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is one entry of an image. Exactly one of Source, Content, Link and Dir says what it is; parents that are
// not listed are created with mode 0755, owned by root.
type File struct {
	// Path is absolute inside the image.
	Path string
	// Source is a file on this machine whose content is copied.
	Source string
	// Content is the content itself; an empty file is []byte{}.
	Content []byte
	// Link is the target of a symbolic link.
	Link string
	// Dir makes the entry a directory.
	Dir bool
	// Mode holds the permission bits, sticky bit included (0o1777); links ignore it.
	Mode int64
	// UID and GID own the entry.
	UID, GID int
	// Static demands that Source is an ELF file without an interpreter: the images have no C library, and a
	// dynamically linked program would only say "not found" at start.
	Static bool
}

// writeLayer writes the tar to a file and returns it as a layer that is read from there.
func writeLayer(ctx context.Context, dst string, files []File) (v1.Layer, error) {
	out, err := os.Create(dst)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	digest := sha256.New()
	if err := writeTar(ctx, io.MultiWriter(out, digest), files); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	info, err := os.Stat(dst)
	if err != nil {
		return nil, err
	}
	hash := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(digest.Sum(nil))}
	return &plainLayer{file: dst, hash: hash, size: info.Size()}, nil
}

// plainLayer is an uncompressed layer: its digest is its diff id.
type plainLayer struct {
	file string
	hash v1.Hash
	size int64
}

func (l *plainLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *plainLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *plainLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.file) }
func (l *plainLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.file) }
func (l *plainLayer) Size() (int64, error)                 { return l.size, nil }
func (l *plainLayer) MediaType() (types.MediaType, error)  { return types.DockerUncompressedLayer, nil }

// writeTar writes the entries, parents first, in the order of their paths.
func writeTar(ctx context.Context, w io.Writer, files []File) error {
	entries, err := withParents(files)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, file := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeEntry(out, file); err != nil {
			return fmt.Errorf("entry %s: %w", file.Path, err)
		}
	}
	return out.Close()
}

func withParents(files []File) ([]File, error) {
	byPath := make(map[string]File, len(files))
	for _, file := range files {
		if err := file.validate(); err != nil {
			return nil, fmt.Errorf("entry %q: %w", file.Path, err)
		}
		if _, twice := byPath[file.Path]; twice {
			return nil, fmt.Errorf("entry %s is listed twice", file.Path)
		}
		byPath[file.Path] = file
	}
	for _, file := range files {
		for dir := path.Dir(file.Path); dir != "/"; dir = path.Dir(dir) {
			parent, known := byPath[dir]
			if !known {
				byPath[dir] = File{Path: dir, Dir: true, Mode: 0o755}
			} else if !parent.Dir {
				return nil, fmt.Errorf("entry %s lies below %s, which is no directory", file.Path, dir)
			}
		}
	}
	entries := make([]File, 0, len(byPath))
	for _, file := range byPath {
		entries = append(entries, file)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Path < entries[j].Path })
	return entries, nil
}

func (f File) validate() error {
	if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/" {
		return fmt.Errorf("not a clean absolute path")
	}
	kinds := 0
	for _, is := range []bool{f.Source != "", f.Content != nil, f.Link != "", f.Dir} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("needs exactly one of source, content, link and dir, has %d", kinds)
	}
	return nil
}

func writeEntry(out *tar.Writer, f File) error {
	header := &tar.Header{
		Name:    strings.TrimPrefix(f.Path, "/"),
		Mode:    f.Mode,
		Uid:     f.UID,
		Gid:     f.GID,
		ModTime: time.Unix(0, 0),
		Format:  tar.FormatPAX,
	}
	switch {
	case f.Dir:
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		return out.WriteHeader(header)
	case f.Link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, f.Link, 0o777
		return out.WriteHeader(header)
	case f.Source != "":
		return copySource(out, header, f)
	}
	header.Typeflag, header.Size = tar.TypeReg, int64(len(f.Content))
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err := out.Write(f.Content)
	return err
}

func copySource(out *tar.Writer, header *tar.Header, f File) error {
	if f.Static {
		if err := requireStatic(f.Source); err != nil {
			return err
		}
	}
	in, err := os.Open(f.Source)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", f.Source)
	}
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}

func requireStatic(file string) error {
	program, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s is no Linux program: %w", file, err)
	}
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked; the image has no C library "+
				"(build with CGO_ENABLED=0; for busybox install the package busybox-static)", file)
		}
	}
	return nil
}
