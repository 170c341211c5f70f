package pruner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

// UserAgent is what this program calls itself.
const UserAgent = "oc"

// Run prunes. Token is what the registry is shown. Out gets a line for each removal.
func Run(ctx context.Context, o Options, client dynamic.Interface, token string, out io.Writer) error {
	in, ignored, err := gather(ctx, client, o, time.Now())
	if err != nil {
		return err
	}
	for _, problem := range ignored {
		fmt.Fprintf(out, "Ignoring %v\n", problem)
	}
	r := run{options: o, client: client, out: out, plan: Decide(o, in)}
	if o.PruneRegistry {
		if r.registry, err = newRegistry(o, token); err != nil {
			return err
		}
		if err := r.registry.ping(ctx); err != nil {
			return err
		}
	}
	if o.LogLevel > 0 {
		fmt.Fprintf(out, "Looked at %d image(s), %d stream(s), %d reference(s)\n", len(in.Images), len(in.Streams), len(in.References))
	}
	if !o.Confirm {
		fmt.Fprintln(out, "Dry run: nothing is changed without --confirm")
	}
	if err := r.everything(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "Deleted %d object(s)\n", r.deleted)
	return nil
}

type run struct {
	options  Options
	client   dynamic.Interface
	registry *registry
	plan     Plan
	out      io.Writer
	deleted  int
}

// everything goes from what points at content to the content, and to the Image objects last: after a failure the next
// run finds the same images and goes on.
func (r *run) everything(ctx context.Context) error {
	for _, stream := range slices.Sorted(maps.Keys(r.plan.History)) {
		digests := r.plan.History[stream]
		err := r.do(fmt.Sprintf("history of image stream %s: %s", stream, strings.Join(sets.List(digests), " ")), func() error {
			return r.forget(ctx, stream, digests)
		})
		if err != nil {
			return err
		}
	}
	if r.registry != nil {
		if err := r.content(ctx); err != nil {
			return err
		}
	}
	for _, name := range r.plan.Images {
		err := r.do("image "+name, func() error {
			err := r.client.Resource(images).Delete(ctx, name, metav1.DeleteOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) content(ctx context.Context) error {
	steps := []struct {
		what   string
		of     map[string]sets.Set[string]
		delete func(ctx context.Context, repository, digest string) error
	}{
		{"layer link", r.plan.Links, r.registry.deleteLink},
		{"manifest", r.plan.Manifests, r.registry.deleteManifest},
	}
	for _, step := range steps {
		for _, repository := range slices.Sorted(maps.Keys(step.of)) {
			for _, digest := range sets.List(step.of[repository]) {
				err := r.do(fmt.Sprintf("%s %s of %s", step.what, digest, repository), func() error { return step.delete(ctx, repository, digest) })
				if err != nil {
					return err
				}
			}
		}
	}
	for _, digest := range sets.List(r.plan.Blobs) {
		if err := r.do("blob "+digest, func() error { return r.registry.deleteBlob(ctx, digest) }); err != nil {
			return err
		}
	}
	return nil
}

// do removes something, unless this is a dry run, and says so.
func (r *run) do(what string, remove func() error) error {
	if r.options.Confirm {
		if err := remove(); err != nil {
			return fmt.Errorf("deleting %s: %w", what, err)
		}
		r.deleted++
	}
	fmt.Fprintln(r.out, "Deleting", what)
	return nil
}

// forget removes digests from the history of a stream's tags. Fields that this program does not know stay.
func (r *run) forget(ctx context.Context, stream string, digests sets.Set[string]) error {
	namespace, name, _ := strings.Cut(stream, "/")
	client := r.client.Resource(streams).Namespace(namespace)
	var err error
	// Its own result is nil for a request that timed out.
	_ = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		err = forgetOnce(ctx, client, name, digests)
		return err
	})
	return err
}

func forgetOnce(ctx context.Context, client dynamic.ResourceInterface, name string, digests sets.Set[string]) error {
	object, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := withoutItems(object, digests); err != nil {
		return err
	}
	_, err = client.UpdateStatus(ctx, object, metav1.UpdateOptions{})
	return err
}

// withoutItems leaves out the tags that have no image left.
func withoutItems(stream *unstructured.Unstructured, digests sets.Set[string]) error {
	tags, _, err := unstructured.NestedSlice(stream.Object, "status", "tags")
	if err != nil {
		return err
	}
	kept := []any{}
	for _, element := range tags {
		tag, is := element.(map[string]any)
		if !is {
			return errors.New("status.tags has an element that is no object")
		}
		items, _, err := unstructured.NestedSlice(tag, "items")
		if err != nil {
			return err
		}
		tag["items"] = slices.DeleteFunc(items, func(item any) bool {
			fields, _ := item.(map[string]any)
			digest, _ := fields["image"].(string)
			return digests.Has(digest)
		})
		if len(tag["items"].([]any)) > 0 || len(items) == 0 {
			kept = append(kept, tag)
		}
	}
	return unstructured.SetNestedSlice(stream.Object, kept, "status", "tags")
}
