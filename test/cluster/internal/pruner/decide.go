package pruner

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
)

// Inputs are what the decision is made from.
type Inputs struct {
	Now        time.Time
	Images     []Image
	Streams    []Stream
	References []Reference
}

// Plan is what is to be removed.
type Plan struct {
	// History has, for each stream by namespace/name, the digests to remove from its tags.
	History map[string]sets.Set[string]
	// Links and Manifests are by repository.
	Links     map[string]sets.Set[string]
	Manifests map[string]sets.Set[string]
	// Blobs are data of the registry.
	Blobs sets.Set[string]
	// Images are names of Image objects.
	Images []string
}

// Decide finds the images that nothing needs, and what of theirs no other image needs.
func Decide(o Options, in Inputs) Plan {
	cutoff := in.Now.Add(-o.KeepYoungerThan)
	needed := in.needed(o, cutoff)
	var stay, leave []Image
	for _, image := range in.Images {
		young := image.Created.After(cutoff)
		if young || needed.Has(image.Digest) || !image.Managed && !o.All {
			stay = append(stay, image)
		} else {
			leave = append(leave, image)
		}
	}
	return in.plan(stay, leave)
}

// needed are the digests that a stream or a pod protects.
func (in Inputs) needed(o Options, cutoff time.Time) sets.Set[string] {
	needed := sets.New[string]()
	latest := map[Reference]string{}
	for _, stream := range in.Streams {
		for _, tag := range stream.Tags {
			for i, item := range tag.Items {
				if i == 0 {
					latest[Reference{Repository: stream.Repository(), Tag: tag.Name}] = item.Digest
				}
				if i < o.KeepTagRevisions || item.Created.After(cutoff) || stream.Created.After(cutoff) {
					needed.Insert(item.Digest)
				}
			}
		}
	}
	for _, reference := range in.References {
		if reference.Digest != "" {
			needed.Insert(reference.Digest)
		} else if digest, known := latest[reference]; known {
			needed.Insert(digest)
		}
	}
	return needed
}

func (in Inputs) plan(stay, leave []Image) Plan {
	plan := Plan{
		History: map[string]sets.Set[string]{}, Links: map[string]sets.Set[string]{}, Manifests: map[string]sets.Set[string]{},
		Blobs: sets.New[string](),
	}
	inUse := sets.New[string]()
	for _, image := range stay {
		inUse = inUse.Union(image.Blobs)
	}
	holders := in.holders()
	for _, image := range leave {
		plan.Images = append(plan.Images, image.Object)
		for _, stream := range holders[image.Digest] {
			insert(plan.History, stream, image.Digest)
		}
		if !image.Managed {
			continue // its content is elsewhere
		}
		plan.Blobs = plan.Blobs.Union(image.Blobs.Difference(inUse))
		repositories := sets.New(holders[image.Digest]...)
		if image.Repository != "" {
			repositories.Insert(image.Repository)
		}
		for repository := range repositories {
			insert(plan.Manifests, repository, image.Digest)
			// Another image of this repository may have the layer; one of another repository has a link of its own.
			links := image.Blobs.Difference(in.blobsOf(repository, stay)).Delete(image.Digest)
			insert(plan.Links, repository, links.UnsortedList()...)
		}
	}
	slices.Sort(plan.Images)
	return plan
}

// holders are the streams, by namespace/name, that have a digest in their history.
func (in Inputs) holders() map[string][]string {
	holders := map[string][]string{}
	for _, stream := range in.Streams {
		for _, tag := range stream.Tags {
			for _, item := range tag.Items {
				if !slices.Contains(holders[item.Digest], stream.Repository()) {
					holders[item.Digest] = append(holders[item.Digest], stream.Repository())
				}
			}
		}
	}
	return holders
}

// blobsOf are the blobs of those images that a repository has.
func (in Inputs) blobsOf(repository string, images []Image) sets.Set[string] {
	holders := in.holders()
	blobs := sets.New[string]()
	for _, image := range images {
		if image.Repository == repository || slices.Contains(holders[image.Digest], repository) {
			blobs = blobs.Union(image.Blobs)
		}
	}
	return blobs
}

func insert(into map[string]sets.Set[string], key string, values ...string) {
	if into[key] == nil {
		into[key] = sets.New[string]()
	}
	into[key].Insert(values...)
}
