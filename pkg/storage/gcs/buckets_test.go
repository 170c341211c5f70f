package gcs_test

import (
	"fmt"
	"net/http"
	"testing"
)

// attributes are those of a bucket, as the server has them.
type attributes struct {
	Name       string            `json:"name,omitempty"`
	Project    string            `json:"project,omitempty"`
	Tags       []string          `json:"tags,omitempty"`
	Location   string            `json:"location,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Encryption *struct {
		DefaultKMSKeyName string `json:"defaultKmsKeyName"`
	} `json:"encryption,omitempty"`
	IAMConfiguration *struct {
		PublicAccessPrevention   string `json:"publicAccessPrevention,omitempty"`
		UniformBucketLevelAccess *struct {
			Enabled bool `json:"enabled"`
		} `json:"uniformBucketLevelAccess,omitempty"`
	} `json:"iamConfiguration,omitempty"`
}

func (s *server) bucket(t *testing.T, name string) (attributes, bool) {
	t.Helper()
	var buckets []attributes
	s.call(t, http.MethodGet, "/buckets", nil, &buckets)
	for _, b := range buckets {
		if b.Name == name {
			return b, true
		}
	}
	return attributes{}, false
}

func (s *server) exists(t *testing.T, name string) bool {
	t.Helper()
	_, found := s.bucket(t, name)
	return found
}

// make makes a bucket past the backend, or changes the attributes of one.
func (s *server) make(t *testing.T, name, account string, a attributes) {
	t.Helper()
	a.Name, a.Project, a.Tags = "", "", nil
	if a.Location == "" {
		a.Location = "US-EAST1"
	}
	s.call(t, http.MethodPut, "/buckets/"+name+"?account="+account, a, nil)
}

func (s *server) keys(t *testing.T, bucket string) []string {
	t.Helper()
	var answer struct {
		Objects []struct {
			Key string `json:"key"`
		} `json:"objects"`
	}
	s.call(t, http.MethodGet, "/buckets/"+bucket+"/objects", nil, &answer)
	var keys []string
	for _, o := range answer.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func (s *server) fill(t *testing.T, bucket string, objects, generations int) {
	t.Helper()
	s.call(t, http.MethodPut, fmt.Sprintf("/buckets/%s/objects?count=%d&generations=%d", bucket, objects, generations), nil, nil)
}

// restore gives a bucket the attributes that it had.
func (s *server) restore(t *testing.T, a attributes) {
	t.Helper()
	name := a.Name
	a.Name, a.Project, a.Tags = "", "", nil
	s.call(t, http.MethodPut, "/buckets/"+name+"?account=main", a, nil)
}
