package nodeca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// certificate is what one key says.
type certificate struct {
	key, host string
	content   []byte
	mode      fs.FileMode
	// unreadable is why there is no content.
	unreadable error
}

func (c certificate) readable() bool { return c.unreadable == nil }

// source is the content of the mounted ConfigMap.
type source struct {
	// wanted are the certificates by host.
	wanted map[string]certificate
	// others are keys that name no registry.
	others []certificate
	// problems say which keys are not used though they should be.
	problems []error
}

// attempts bound how often a source is read that changes meanwhile. Changes are seconds apart.
const attempts = 5

// readSource reads the ConfigMap as of one moment: the kubelet puts each version into a folder of its own, turns the link
// ..data to it, and removes the folder before.
func readSource(folder string) (source, error) { return readStable(folder, readVersion) }

// readStable reads again when the link was turned meanwhile: a folder that is being removed lists fewer entries and no
// error, and the certificates that it lacks would be taken from the node.
func readStable(folder string, read func(string) (source, error)) (source, error) {
	for range attempts {
		before, err := version(folder)
		if err != nil {
			return source{}, fmt.Errorf("reading %s: %w", folder, err)
		}
		found, failed := read(before)
		after, err := version(folder)
		if err != nil {
			return source{}, fmt.Errorf("reading %s: %w", folder, err)
		}
		if after != before {
			continue
		}
		if failed != nil {
			return source{}, fmt.Errorf("reading %s: %w", folder, failed)
		}
		return found, nil
	}
	return source{}, fmt.Errorf("reading %s: it changed %d times while it was read", folder, attempts)
}

// version is the folder that ..data points to now, or the folder itself if there is no such link. The link is not
// followed further: what it points to may be gone, and that must not look like there being no link.
func version(folder string) (string, error) {
	target, err := os.Readlink(filepath.Join(folder, "..data"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return folder, nil
	case err != nil:
		return "", err
	case filepath.IsAbs(target):
		return target, nil
	}
	return filepath.Join(folder, target), nil
}

// readVersion reads the files of one folder.
func readVersion(data string) (source, error) {
	found := source{wanted: map[string]certificate{}}
	entries, err := os.ReadDir(data)
	if err != nil {
		return found, err
	}
	for _, entry := range entries {
		info, err := os.Stat(filepath.Join(data, entry.Name()))
		if err == nil && !info.Mode().IsRegular() {
			continue
		}
		one := certificate{key: entry.Name()}
		if err == nil {
			one.mode = info.Mode().Perm()
			one.content, err = os.ReadFile(filepath.Join(data, entry.Name()))
		}
		one.unreadable = err
		found.add(one)
	}
	return found, nil
}

// add sorts a key in. A host whose key cannot be read keeps what it has.
func (s *source) add(one certificate) {
	host, err := Host(one.key)
	if one.host = host; err != nil || one.key == names.StorageCABundleKey {
		s.others = append(s.others, one)
		return
	}
	if other, taken := s.wanted[host]; taken {
		s.problems = append(s.problems, fmt.Errorf("key %s is not used: key %s is for %s, too", one.key, other.key, host))
		return
	}
	if one.unreadable != nil {
		s.problems = append(s.problems, fmt.Errorf("reading key %s: %w", one.key, one.unreadable))
	}
	s.wanted[host] = one
}
