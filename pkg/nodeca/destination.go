package nodeca

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	// file is what a container runtime looks for in the folder of a host.
	file = "ca.crt"
	// marker tells that a folder's certificate is ours. Container runtimes look at *.crt, *.cert and *.key only.
	marker     = ".node-ca"
	markerText = "ca.crt in this folder is kept by DaemonSet openshift-image-registry/node-ca.\n"
	// temporary files have a random part between these.
	temporaryPrefix, temporarySuffix = ".ca.crt.", ".tmp"
	// formerTemporary is what earlier releases wrote to.
	formerTemporary = "ca.crt.tmp"

	folderMode, markerMode = 0o755, 0o644
)

// destination is the node's folder of certificates.
type destination struct{ root *os.Root }

// put makes the certificate of a host what is wanted, and tells whether it had to be written.
func (d destination) put(want certificate) (bool, error) {
	if !want.readable() {
		return false, nil // it has been reported, and what is there stays
	}
	if err := d.root.Mkdir(want.host, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	// The marker comes first: a certificate without it would stay for ever.
	if !d.marked(want.host) {
		if err := d.write(want.host, marker, []byte(markerText), markerMode); err != nil {
			return false, err
		}
	}
	if err := d.tidy(want.host); err != nil {
		return false, err
	}
	if d.has(want) {
		return false, nil
	}
	return true, d.write(want.host, file, want.content, want.mode)
}

// has tells whether the file is there with that content, for everybody to read who may read the source.
func (d destination) has(want certificate) bool {
	name := path.Join(want.host, file)
	info, err := d.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != want.mode {
		return false
	}
	content, err := d.root.ReadFile(name)
	return err == nil && bytes.Equal(content, want.content)
}

// write replaces a file at once and for good: a reader, and a node that loses power, has the old one or the new one.
func (d destination) write(host, name string, content []byte, mode fs.FileMode) (err error) {
	temporary := path.Join(host, temporaryPrefix+rand.Text()+temporarySuffix)
	defer func() {
		if err != nil {
			_ = d.root.Remove(temporary)
		}
	}()
	if err := d.fill(temporary, content, mode); err != nil {
		return err
	}
	if err := d.root.Rename(temporary, path.Join(host, name)); err != nil {
		return err
	}
	return d.flush(host)
}

func (d destination) fill(name string, content []byte, mode fs.FileMode) error {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, writing := f.Write(content)
	// The mode above is less what the umask takes away.
	return errors.Join(writing, f.Chmod(mode), f.Sync(), f.Close())
}

// flush makes a rename or a removal in the folder outlast the loss of power.
func (d destination) flush(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d destination) marked(host string) bool {
	info, err := d.root.Lstat(path.Join(host, marker))
	return err == nil && info.Mode().IsRegular()
}

// tidy removes what an interrupted write has left.
func (d destination) tidy(host string) error {
	entries, err := d.list(host)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if name == formerTemporary || strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix) {
			if err := d.root.Remove(path.Join(host, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d destination) list(folder string) ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), folder)
}

// trim removes our certificates for hosts that are not wanted any more.
func (d destination) trim(wanted map[string]certificate) ([]string, error) {
	entries, err := d.list(".")
	if err != nil {
		return nil, err
	}
	var removed []string
	var problems []error
	for _, entry := range entries {
		host := entry.Name()
		if _, keep := wanted[host]; keep || !entry.IsDir() || !d.marked(host) {
			continue
		}
		if err := d.remove(host); err != nil {
			problems = append(problems, fmt.Errorf("host %s: %w", host, err))
			continue
		}
		removed = append(removed, host)
	}
	return removed, errors.Join(problems...)
}

// remove takes our files away, the marker last, and the folder if nothing else is in it: an administrator may have put a
// client certificate there.
func (d destination) remove(host string) error {
	if err := d.tidy(host); err != nil {
		return err
	}
	for _, name := range []string{file, marker} {
		if err := d.root.Remove(path.Join(host, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if entries, err := d.list(host); err != nil || len(entries) > 0 {
		return errors.Join(err, d.flush(host))
	}
	if err := d.root.Remove(host); err != nil {
		return err
	}
	return d.flush(".")
}
