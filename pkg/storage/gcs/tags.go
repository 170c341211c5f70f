package gcs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Reasons of StorageTagged. The first is also that of a bucket that needs no tags, with status False: what reads the
// condition knows it like this.
const (
	reasonTagged    = "SuccessTaggingBucket"
	reasonTagFailed = "ErrorTaggingBucket"
)

// maxTagPages bounds the listing of the tags in effect: a resource has at most 50 of its own, and inherits few.
const maxTagPages = 20

// applyTags binds the tags of the platform to the bucket, where they are not in effect already. It stands alone like the
// settings, and is taken up again at the next check as long as it may succeed. The error is that of a cancelled context.
func (b *backend) applyTags(ctx context.Context, found *bucket, result *storage.Result) error {
	if len(b.cluster.tags) == 0 {
		result.Conditions = append(result.Conditions, *condition(names.StorageTagged, operatorv1.ConditionFalse, reasonTagged,
			"infrastructure cluster has no resource tags: there is nothing to bind"))
		return nil
	}
	t := b.tagger(found)
	// Without a listing all of them are bound: binding one again is harmless.
	missing, calls, unread := t.missing(ctx)
	var failures []string
	for _, tag := range missing {
		err := t.bind(ctx, tag)
		if transport.Cancelled(ctx) {
			return fmt.Errorf("tagging %s: %w", b.config.where(), ctx.Err())
		}
		if err != nil {
			failures = append(failures, fmt.Sprintf("%s: %s", tag, b.explain(err)))
			result.Incomplete = result.Incomplete || mayPass(err)
		}
		if isStatus(err, http.StatusTooManyRequests) {
			// The rest would be refused as well, and make it worse.
			break
		}
	}
	if len(failures) > 0 {
		action := "tagging " + b.config.where()
		result.Conditions = append(result.Conditions, *condition(names.StorageTagged, operatorv1.ConditionFalse, reasonTagFailed,
			action+": "+strings.Join(failures, "; ")))
		return nil
	}
	message := "the tags of infrastructure cluster are bound"
	if len(missing) == 0 {
		message = "the tags of infrastructure cluster are in effect, own or inherited"
	}
	result.Conditions = append(result.Conditions, *condition(names.StorageTagged, operatorv1.ConditionTrue, reasonTagged, message))
	if unread == nil && calls == 1 && b.tagger(&bucket{}).base == t.base {
		// A check is one call, and knows of the place of the bucket only what is configured.
		result.Looks = append(result.Looks, storage.Look{names.StorageTagged})
	}
	return nil
}

func (b *backend) tagger(found *bucket) tagger {
	return tagger{b: b, base: b.resourceManager(found), parent: "//storage.googleapis.com/projects/_/buckets/" + b.config.Bucket}
}

func driftOfTags(missing []string) string {
	if len(missing) == 0 {
		return ""
	}
	return "tags " + strings.Join(missing, ", ")
}

// resourceManager is the endpoint for bindings of resources at the place of the bucket.
func (b *backend) resourceManager(found *bucket) string {
	if b.client.resourceManager != "" {
		return b.client.resourceManager
	}
	location := found.Location
	if location == "" {
		location = b.config.Region
	}
	return "https://" + strings.ToLower(location) + "-cloudresourcemanager.googleapis.com"
}

// tagger binds tags to one bucket.
type tagger struct {
	b            *backend
	base, parent string
}

// operation is one that may take its time.
type operation struct {
	Name  string `json:"name"`
	Done  bool   `json:"done"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// missing are the wanted tags that are not in effect; all that a listing has not shown where it fails.
func (t tagger) missing(ctx context.Context) (missing []string, calls int, err error) {
	missing = slices.Clone(t.b.cluster.tags)
	page := ""
	for calls = 1; calls <= maxTagPages; calls++ {
		var out struct {
			EffectiveTags []struct {
				NamespacedTagValue string `json:"namespacedTagValue"`
			} `json:"effectiveTags"`
			NextPageToken string `json:"nextPageToken"`
		}
		query := url.Values{"parent": {t.parent}, "pageSize": {"300"}}
		if page != "" {
			query.Set("pageToken", page)
		}
		if err := t.do(ctx, call{method: http.MethodGet, url: t.base + "/v3/effectiveTags", query: query}, &out); err != nil {
			return missing, calls, err
		}
		for _, tag := range out.EffectiveTags {
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == tag.NamespacedTagValue })
		}
		if page = out.NextPageToken; page == "" {
			break
		}
	}
	return missing, calls, nil
}

// bind binds a tag, or asks how far an earlier call has come. What has not ended is an error that may pass.
func (t tagger) bind(ctx context.Context, tag string) error {
	key := t.parent + " " + tag
	op := operation{Name: t.b.client.pending.get(key)}
	if op.Name == "" {
		body := map[string]string{"parent": t.parent, "tagValueNamespacedName": tag}
		err := t.do(ctx, call{method: http.MethodPost, url: t.base + "/v3/tagBindings", body: body}, &op)
		if isStatus(err, http.StatusConflict) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if !op.Done && op.Name != "" {
		if err := t.do(ctx, call{method: http.MethodGet, url: t.base + "/v3/" + op.Name}, &op); err != nil {
			t.b.client.pending.set(key, "")
			return err
		}
	}
	switch {
	case !op.Done:
		t.b.client.pending.set(key, op.Name)
		return &apiError{status: http.StatusServiceUnavailable, message: "the binding has not ended; the operator looks again"}
	case op.Error != nil:
		t.b.client.pending.set(key, "")
		return &apiError{status: http.StatusBadRequest, message: op.Error.Message}
	}
	t.b.client.pending.set(key, "")
	return nil
}

func (t tagger) do(ctx context.Context, c call, out any) error {
	c.tokens = t.b.client.tags
	return t.b.client.do(ctx, c, out)
}

// pending are the operations that had not ended, by bucket and tag. A process that starts anew binds again, which is harmless.
type pending struct {
	mu    sync.Mutex
	names map[string]string
}

func (p *pending) get(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[key]
}

func (p *pending) set(key, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil {
		p.names = map[string]string{}
	}
	if name == "" {
		delete(p.names, key)
		return
	}
	p.names[key] = name
}
