package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// streams and tags are the size of the cluster whose image streams the operator counts.
const streams, tags = 10_000, 20

// imageStreams measures what an operator holds of many of them.
func (b *bench) imageStreams(ctx context.Context) ([]string, error) {
	if b.operator == nil {
		return nil, errNotStarted
	}
	if err := b.createStreams(ctx); err != nil {
		return nil, err
	}
	if err := b.untilCounted(ctx); err != nil {
		return nil, err
	}
	watched, err := b.memory("VmRSS")
	if err != nil {
		return nil, err
	}
	// What came one by one is one thing; a start with all of them there is another.
	b.stop()
	operator, err := b.cluster.StartOperator(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	b.operator = operator
	if err := b.untilCounted(ctx); err != nil {
		return nil, err
	}
	peak, err := b.memory("VmHWM")
	if err != nil {
		return nil, err
	}
	// The collector gives memory back to the system in the minutes after.
	if err := pass(ctx, time.Minute); err != nil {
		return nil, err
	}
	started, err := b.memory("VmRSS")
	return []string{started, peak, watched}, err
}

// createStreams fills the cluster. Tags are in the status, which a creation does not set.
func (b *bench) createStreams(ctx context.Context) error {
	client := dynamic.NewForConfigOrDie(b.cluster.REST).Resource(schema.GroupVersionResource{Group: "image.openshift.io", Version: "v1", Resource: "imagestreams"}).Namespace("default")
	var list []any
	for i := range tags {
		list = append(list, map[string]any{"tag": fmt.Sprintf("t%d", i), "items": []any{map[string]any{
			"created": "2026-01-01T00:00:00Z", "dockerImageReference": fmt.Sprintf("registry.test/ns/name@sha256:%064d", i), "image": fmt.Sprintf("sha256:%064d", i),
		}}})
	}
	create := func(i int) error {
		stream := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": map[string]any{"name": fmt.Sprintf("stream-%d", i)},
		}}
		created, err := client.Create(ctx, stream, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("creating image stream %d: %w", i, err)
		}
		created.Object["status"] = map[string]any{"tags": list}
		if _, err := client.UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("tagging image stream %d: %w", i, err)
		}
		return nil
	}
	const atOnce = 8
	var workers sync.WaitGroup
	var failures [atOnce]error
	for worker := range atOnce {
		workers.Go(func() {
			for i := worker; i < streams && failures[worker] == nil; i += atOnce {
				failures[worker] = create(i)
			}
		})
	}
	workers.Wait()
	return errors.Join(failures[:]...)
}

// untilCounted waits until the operator's metrics show every tag.
func (b *bench) untilCounted(ctx context.Context) error {
	const series = `image_registry_image_stream_tags_total{location="other",source="pushed"}`
	_, err := b.until(ctx, "the metrics to show every image stream", func(ctx context.Context) (bool, error) {
		all, err := b.operator.Scrape(ctx)
		return err == nil && all[series] == streams*tags, nil
	})
	return err
}
