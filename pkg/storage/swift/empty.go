package swift

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	// pageSize is how many objects one listing gives.
	pageSize = 1000
	// batchSize is how many objects are deleted by one call. Swift deletes them one after the other, or two, while the
	// caller waits: more would not fit into the deadline of a call where disks are slow.
	batchSize = 50
	// lanes is how many batches are under way at once.
	lanes = 4
	// countLimit bounds how far the rest is counted, for the sake of the message; no Swift lists more at once.
	countLimit = 10000
)

// object is an entry of a listing. Manifests of large objects and their segments are objects like others: the registry
// keeps both in its container, and deleting each by itself leaves nothing of them.
type object struct {
	Name string `json:"name"`
	// Version is there only in a listing of versions.
	Version string `json:"version_id"`
}

// leftover is what is still in the container.
type leftover struct {
	objects int
	// more tells that counting ended before the objects did.
	more bool
}

func (l leftover) String() string {
	if l.more {
		return fmt.Sprintf("more than %d objects left", l.objects)
	}
	return fmt.Sprintf("%d objects left", l.objects)
}

// empty deletes a bounded number of objects, of all versions where there are such, then counts the rest.
func (b *backend) empty(ctx context.Context, versions bool) (leftover, error) {
	var doomed []object
	for len(doomed) < b.options.StepObjects {
		limit := min(pageSize, b.options.StepObjects-len(doomed))
		page, err := b.list(ctx, versions, limit, doomed)
		if err != nil {
			return leftover{}, err
		}
		doomed = append(doomed, page...)
		if len(page) < limit {
			break
		}
	}
	if len(doomed) == 0 {
		return leftover{}, nil
	}
	if err := b.deleteAll(ctx, doomed); err != nil {
		return leftover{}, err
	}
	rest, err := b.list(ctx, versions, countLimit, nil)
	return leftover{objects: len(rest), more: len(rest) == countLimit}, err
}

// list gives what follows the last of before. A container that has gone is empty.
func (b *backend) list(ctx context.Context, versions bool, limit int, before []object) ([]object, error) {
	query := url.Values{"format": {"json"}, "limit": {strconv.Itoa(limit)}}
	if versions {
		query.Set("versions", "true")
	}
	if len(before) > 0 {
		last := before[len(before)-1]
		query.Set("marker", last.Name)
		if versions {
			query.Set("version_marker", last.Version)
		}
	}
	var page []object
	_, err := b.do(ctx, http.MethodGet, url.PathEscape(b.container)+"?"+query.Encode(), gophercloud.RequestOpts{
		JSONResponse: &page, OkCodes: []int{http.StatusOK, http.StatusNoContent},
	})
	if status(err) == http.StatusNotFound {
		return nil, nil
	}
	return page, err
}

// deleteAll deletes batches side by side; all are tried, the first failure is returned.
func (b *backend) deleteAll(ctx context.Context, doomed []object) error {
	var single atomic.Bool
	var failures sync.Map
	slots := make(chan struct{}, lanes)
	var workers sync.WaitGroup
	for start := 0; start < len(doomed); start += batchSize {
		slots <- struct{}{}
		batch := doomed[start:min(start+batchSize, len(doomed))]
		workers.Go(func() {
			defer func() { <-slots }()
			if err := b.deleteBatch(ctx, batch, &single); err != nil {
				failures.Store(start, err)
			}
		})
	}
	workers.Wait()
	for start := 0; start < len(doomed); start += batchSize {
		if err, failed := failures.Load(start); failed {
			return err.(error)
		}
	}
	return nil
}

// deleteBatch deletes a batch with one call, or one by one where Swift's bulk deletion is not installed or not allowed,
// which is then remembered in single. Versions have no bulk deletion.
func (b *backend) deleteBatch(ctx context.Context, batch []object, single *atomic.Bool) error {
	if !single.Load() && batch[0].Version == "" {
		err := b.bulkDelete(ctx, batch)
		if !refused(err) {
			return err
		}
		single.Store(true)
	}
	for _, o := range batch {
		path := url.PathEscape(b.container) + "/" + strings.ReplaceAll(url.PathEscape(o.Name), "%2F", "/")
		if o.Version != "" {
			path += "?version-id=" + url.QueryEscape(o.Version)
		}
		_, err := b.do(ctx, http.MethodDelete, path, gophercloud.RequestOpts{OkCodes: []int{http.StatusNoContent, http.StatusNotFound}})
		if err != nil {
			return err
		}
	}
	return nil
}

// refused tells whether err is the answer of a Swift without bulk deletion. One that has never heard of it takes the
// request for a change of the account's metadata, to which 204 is the answer of success.
func refused(err error) bool {
	code := status(err)
	return code != 0 && code != http.StatusUnauthorized && code != http.StatusRequestTimeout && !transport.Passing(code) && code != statusRateLimited
}

// statusRateLimited is how Swift's own limiter answers.
const statusRateLimited = 498

// bulkDelete deletes a batch with one call.
func (b *backend) bulkDelete(ctx context.Context, batch []object) error {
	lines := make([]string, len(batch))
	for i, o := range batch {
		lines[i] = url.PathEscape(b.container) + "/" + url.PathEscape(o.Name)
	}
	var answer struct {
		Status string     `json:"Response Status"`
		Errors [][]string `json:"Errors"`
	}
	_, err := b.do(ctx, http.MethodPost, "?bulk-delete", gophercloud.RequestOpts{
		RawBody:      strings.NewReader(strings.Join(lines, "\n") + "\n"),
		MoreHeaders:  map[string]string{"Content-Type": "text/plain"},
		JSONResponse: &answer,
		OkCodes:      []int{http.StatusOK},
	})
	if err != nil {
		return err
	}
	for _, failed := range answer.Errors {
		if len(failed) == 2 && !strings.HasPrefix(failed[1], "404") {
			return &objectError{name: failed[0], cause: failed[1]}
		}
	}
	if len(answer.Errors) == 0 && !strings.HasPrefix(answer.Status, "2") {
		return &objectError{name: "a batch of objects", cause: answer.Status}
	}
	return nil
}

// objectError is the refusal of a single object within an answered bulk deletion.
type objectError struct{ name, cause string }

func (e *objectError) Error() string {
	name, err := url.PathUnescape(e.name)
	if err != nil {
		name = e.name
	}
	return fmt.Sprintf("%s cannot be deleted: %s; see what Swift has against it, or delete it by hand", name, e.cause)
}
