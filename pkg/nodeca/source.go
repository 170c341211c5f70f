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

// readSource reads the ConfigMap as of one moment: the kubelet puts each version into a folder of its own and then
// turns the link ..data to it.
func readSource(folder string) (source, error) {
	found := source{wanted: map[string]certificate{}}
	data, err := filepath.EvalSymlinks(filepath.Join(folder, "..data"))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = folder, nil
	}
	if err != nil {
		return found, fmt.Errorf("reading %s: %w", folder, err)
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return found, fmt.Errorf("reading %s: %w", folder, err)
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
