package s3server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// setting is one of the bucket settings that versitygw answers with NotImplemented.
type setting struct {
	// make returns an empty document of its kind.
	make func() document
	// initial is what a bucket has before anyone configures it, or nil.
	initial func() document
	// reset says that DELETE brings initial back; otherwise there is nothing afterwards.
	reset bool
	// absent is the answer to GET where there is nothing.
	absent apiError
}

// settingsByQuery maps the query parameter that names a setting to its rules, as S3 has them since 2023: new
// buckets are born encrypted with AES256 and with public access blocked. Tests that want to know whether a client
// configured a bucket look at the recorded requests.
var settingsByQuery = map[string]setting{
	"publicAccessBlock": {
		make: func() document { return &publicAccessBlock{} },
		initial: func() document {
			return &publicAccessBlock{
				BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true,
			}
		},
		absent: apiError{
			404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found",
		},
	},
	"encryption": {
		make: func() document { return &encryption{} },
		initial: func() document {
			return &encryption{Rules: []encryptionRule{{Default: &encryptionDefault{Algorithm: "AES256"}}}}
		},
		reset: true,
	},
	"lifecycle": {
		make:   func() document { return &lifecycle{} },
		absent: apiError{404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"},
	},
}

// bucketSettings holds, per setting, the document as text; an empty text means that it was deleted.
type bucketSettings map[string]string

// settingsStore keeps the settings of all buckets in one file each.
type settingsStore struct {
	dir string

	mu      sync.Mutex
	buckets map[string]bucketSettings
}

func openSettings(dir string) (*settingsStore, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating %s: %w", dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	store := &settingsStore{dir: dir, buckets: map[string]bucketSettings{}}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the settings of bucket %s: %w", entry.Name(), err)
		}
		var settings bucketSettings
		if err := json.Unmarshal(data, &settings); err != nil {
			return nil, fmt.Errorf("reading the settings of bucket %s: %w", entry.Name(), err)
		}
		store.buckets[entry.Name()] = settings
	}
	return store, nil
}

// get returns the setting's document; nil means that there is none.
func (s *settingsStore) get(bucket, name string) ([]byte, error) {
	s.mu.Lock()
	text, known := s.buckets[bucket][name]
	s.mu.Unlock()
	rules := settingsByQuery[name]
	switch {
	case known && text != "":
		return []byte(text), nil
	case !known && rules.initial != nil:
		return render(rules.initial())
	}
	return nil, nil
}

// put stores the setting's document; nil deletes it.
func (s *settingsStore) put(bucket, name string, document []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := bucketSettings{}
	for other, text := range s.buckets[bucket] {
		settings[other] = text
	}
	if document == nil && settingsByQuery[name].reset {
		delete(settings, name)
	} else {
		settings[name] = string(document)
	}
	data, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("writing the settings of bucket %s: %w", bucket, err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, bucket), data, 0o600); err != nil {
		return fmt.Errorf("writing the settings of bucket %s: %w", bucket, err)
	}
	s.buckets[bucket] = settings
	return nil
}

// drop forgets a bucket: its settings die with it.
func (s *settingsStore) drop(bucket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.buckets[bucket]; !known {
		return nil
	}
	delete(s.buckets, bucket)
	if err := os.Remove(filepath.Join(s.dir, bucket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the settings of bucket %s: %w", bucket, err)
	}
	return nil
}
