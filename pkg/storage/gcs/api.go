package gcs

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// pageSize is the most that one listing gives.
const pageSize = 1000

// bucket is what the operator looks at and sets of a bucket's attributes.
type bucket struct {
	Name             string            `json:"name,omitempty"`
	Location         string            `json:"location,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	Encryption       *encryption       `json:"encryption,omitempty"`
	IAMConfiguration *iamConfiguration `json:"iamConfiguration,omitempty"`
}

type encryption struct {
	DefaultKMSKeyName string `json:"defaultKmsKeyName"`
}

type iamConfiguration struct {
	PublicAccessPrevention   string         `json:"publicAccessPrevention,omitempty"`
	UniformBucketLevelAccess *uniformAccess `json:"uniformBucketLevelAccess,omitempty"`
}

type uniformAccess struct {
	Enabled bool `json:"enabled"`
}

// enforced is the value of publicAccessPrevention that prevents it.
const enforced = "enforced"

func (b *bucket) kmsKey() string {
	if b.Encryption == nil {
		return ""
	}
	return b.Encryption.DefaultKMSKeyName
}

func (b *bucket) private() bool {
	return b.IAMConfiguration != nil && b.IAMConfiguration.PublicAccessPrevention == enforced
}

// object is one generation of an object.
type object struct {
	Name        string `json:"name"`
	Generation  string `json:"generation"`
	Size        string `json:"size"`
	ContentType string `json:"contentType"`
}

type objectPage struct {
	Items         []object `json:"items"`
	NextPageToken string   `json:"nextPageToken"`
}

// bucketURL is the URL of a bucket, or with further elements of what is below it.
func (c *client) bucketURL(name string, below ...string) string {
	u := c.endpoint + "/storage/v1/b/" + url.PathEscape(name)
	for _, element := range below {
		u += "/" + url.PathEscape(element)
	}
	return u
}

func (c *client) getBucket(ctx context.Context, name string) (*bucket, error) {
	out := &bucket{}
	return out, c.do(ctx, call{method: http.MethodGet, url: c.bucketURL(name), tokens: c.storage}, out)
}

func (c *client) insertBucket(ctx context.Context, project string, b bucket) (*bucket, error) {
	out := &bucket{}
	return out, c.do(ctx, call{
		method: http.MethodPost, url: c.endpoint + "/storage/v1/b", query: url.Values{"project": {project}}, body: b, tokens: c.storage,
	}, out)
}

// patchBucket changes the attributes that are set in b, and of labels those that b names.
func (c *client) patchBucket(ctx context.Context, name string, b bucket) error {
	return c.do(ctx, call{method: http.MethodPatch, url: c.bucketURL(name), body: b, tokens: c.storage}, nil)
}

func (c *client) deleteBucket(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodDelete, url: c.bucketURL(name), tokens: c.storage}, nil)
}

// listObjects gives a page of objects, with versions of every generation.
func (c *client) listObjects(ctx context.Context, bucketName, prefix, page string, versions bool) (objectPage, error) {
	query := url.Values{
		"maxResults": {strconv.Itoa(pageSize)},
		"fields":     {"items(name,generation,size,contentType),nextPageToken"},
	}
	if versions {
		query.Set("versions", "true")
	}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	if page != "" {
		query.Set("pageToken", page)
	}
	var out objectPage
	err := c.do(ctx, call{method: http.MethodGet, url: c.bucketURL(bucketName, "o"), query: query, tokens: c.storage}, &out)
	return out, err
}

// deleteObject deletes one generation for good; without naming it a bucket with versions would only set it aside.
func (c *client) deleteObject(ctx context.Context, bucketName string, o object) error {
	return c.do(ctx, call{
		method: http.MethodDelete, url: c.bucketURL(bucketName, "o", o.Name), query: url.Values{"generation": {o.Generation}}, tokens: c.storage,
	}, nil)
}
