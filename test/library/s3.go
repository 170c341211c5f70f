package library

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// Fault makes requests to the S3 server fail.
type Fault = storagetest.Fault

// FaultMatch selects requests; empty fields match all.
type FaultMatch struct {
	Method     string `json:"method,omitempty"`
	Bucket     string `json:"bucket,omitempty"`
	Query      string `json:"query,omitempty"`
	PathPrefix string `json:"pathPrefix,omitempty"`
	// UserAgent is a part of that header: operator and registry share credentials, but not this.
	UserAgent string `json:"userAgent,omitempty"`
}

// SetFaults makes the S3 server misbehave until the end of the test or the next call.
func (c *Cluster) SetFaults(t *testing.T, faults ...Fault) {
	t.Helper()
	body, err := json.Marshal(append([]Fault{}, faults...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.s3Admin(t.Context(), http.MethodPut, "/faults", body); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.s3Admin(context.Background(), http.MethodDelete, "/faults", nil); err != nil {
			t.Errorf("healing the S3 server: %v", err)
		}
	})
}

// HealS3 ends the faults at once.
func (c *Cluster) HealS3(t *testing.T) {
	t.Helper()
	if _, err := c.s3Admin(t.Context(), http.MethodDelete, "/faults", nil); err != nil {
		t.Fatal(err)
	}
}

// S3JSON decodes the answer of the S3 server's admin listener to a GET.
func (c *Cluster) S3JSON(ctx context.Context, path string, into any) error {
	body, err := c.s3Admin(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// CreateForeignBucket makes a bucket that belongs to another account.
func (c *Cluster) CreateForeignBucket(ctx context.Context, name string) error {
	_, err := c.s3Admin(ctx, http.MethodPut, "/buckets/"+name+"?account=other", nil)
	return err
}

// CreateBucket makes a bucket of the cluster's account, as an administrator would for storage of his own.
func (c *Cluster) CreateBucket(ctx context.Context, name string) error {
	_, err := c.s3Admin(ctx, http.MethodPut, "/buckets/"+name+"?account=main", nil)
	return err
}

// Bucket is a bucket as the S3 server has it.
type Bucket struct {
	Name    string            `json:"name"`
	Account string            `json:"account"`
	Objects int               `json:"objects"`
	Tags    map[string]string `json:"tags"`
}

// Objects are the sizes of what is in a bucket, by key.
func (c *Cluster) Objects(ctx context.Context, bucket string) (map[string]int64, error) {
	var content struct {
		Objects []struct {
			Key  string `json:"key"`
			Size int64  `json:"size"`
		} `json:"objects"`
	}
	if err := c.S3JSON(ctx, "/buckets/"+bucket+"/objects", &content); err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, object := range content.Objects {
		sizes[object.Key] = object.Size
	}
	return sizes, nil
}

// FindBucket returns the bucket of that name, nil if there is none.
func (c *Cluster) FindBucket(ctx context.Context, name string) (*Bucket, error) {
	var buckets []Bucket
	if err := c.S3JSON(ctx, "/buckets", &buckets); err != nil {
		return nil, err
	}
	for _, bucket := range buckets {
		if bucket.Name == name {
			return &bucket, nil
		}
	}
	return nil, nil
}

func (c *Cluster) s3Admin(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.S3.AdminURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the S3 server's admin listener: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s on the S3 server's admin listener: %s: %s", method, path, response.Status, answer)
	}
	return answer, nil
}
