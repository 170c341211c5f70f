package pruner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ago(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }

// image is one that was pushed to repository a/app a day ago, with a manifest, a layer of its own and those given.
func image(digest string, shared ...string) Image {
	return Image{
		Object: digest, Digest: digest, Created: ago(24), Managed: true, Repository: "a/app",
		Blobs: sets.New(append(shared, digest, "layer-of-"+digest)...),
	}
}

// stream is a/app with a tag of images pushed a day ago, the latest first.
func stream(digests ...string) Stream {
	tag := Tag{Name: "latest"}
	for _, digest := range digests {
		tag.Items = append(tag.Items, Item{Digest: digest, Created: ago(24)})
	}
	return Stream{Namespace: "a", Name: "app", Created: ago(48), Tags: []Tag{tag}}
}

func TestWhichImagesGo(t *testing.T) {
	young := image("1")
	young.Created = ago(1)
	imported := image("1")
	imported.Managed = false
	youngStream := stream("3", "2", "1")
	youngStream.Created = ago(1)
	youngItem := stream("3", "2", "1")
	youngItem.Tags[0].Items[1].Created = ago(1)
	three := []Image{image("1"), image("2"), image("3")}
	options := Options{KeepTagRevisions: 1, KeepYoungerThan: 2 * time.Hour, All: true}
	tests := []struct {
		name       string
		change     func(*Options)
		images     []Image
		streams    []Stream
		references []Reference
		want       []string
	}{
		{name: "an image that nothing names", images: []Image{image("1")}, want: []string{"1"}},
		{name: "a young image stays", images: []Image{young}},
		{name: "an imported image goes too", images: []Image{imported}, want: []string{"1"}},
		{name: "an imported image stays without --all", images: []Image{imported}, change: func(o *Options) { o.All = false }},
		{name: "older revisions of a tag go", images: three, streams: []Stream{stream("3", "2", "1")}, want: []string{"1", "2"}},
		{
			name: "as many revisions stay as are to be kept", images: three, streams: []Stream{stream("3", "2", "1")},
			change: func(o *Options) { o.KeepTagRevisions = 2 }, want: []string{"1"},
		},
		{
			name: "with no revision to keep all go", images: three, streams: []Stream{stream("3", "2", "1")},
			change: func(o *Options) { o.KeepTagRevisions = 0 }, want: []string{"1", "2", "3"},
		},
		{name: "a young stream keeps its whole history", images: three, streams: []Stream{youngStream}},
		{name: "a young entry keeps its image", images: three, streams: []Stream{youngItem}, want: []string{"1"}},
		{
			name: "an image that a pod names by digest stays", images: three, streams: []Stream{stream("3", "2", "1")},
			references: []Reference{{Digest: "1", Repository: "a/app"}}, want: []string{"2"},
		},
		{
			name: "a tag that a pod names keeps its latest image", images: three, streams: []Stream{stream("3", "2", "1")},
			change:     func(o *Options) { o.KeepTagRevisions = 0 },
			references: []Reference{{Repository: "a/app", Tag: "latest"}}, want: []string{"1", "2"},
		},
		{
			name: "another tag keeps nothing", images: three, streams: []Stream{stream("3", "2", "1")},
			change:     func(o *Options) { o.KeepTagRevisions = 0 },
			references: []Reference{{Repository: "a/app", Tag: "other"}}, want: []string{"1", "2", "3"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options
			if test.change != nil {
				test.change(&o)
			}
			plan := Decide(o, Inputs{Now: now, Images: test.images, Streams: test.streams, References: test.references})
			if !slices.Equal(plan.Images, test.want) {
				t.Errorf("%v go, want %v", plan.Images, test.want)
			}
		})
	}
}

func TestWhatGoesWithAnImage(t *testing.T) {
	imported := image("imported", "base")
	imported.Managed = false
	elsewhere := image("elsewhere", "base")
	elsewhere.Repository = "b/other"
	other := Stream{Namespace: "b", Name: "other", Created: ago(48), Tags: []Tag{{Name: "latest", Items: []Item{{Digest: "elsewhere"}}}}}
	tests := []struct {
		name    string
		images  []Image
		streams []Stream
		want    string
	}{
		{
			"a layer that another image has stays",
			[]Image{image("old", "base"), image("new", "base")},
			[]Stream{stream("new", "old")},
			"blobs [layer-of-old old] history a/app [old] links a/app [layer-of-old] manifests a/app [old]",
		},
		{
			"a layer that an image of another repository has loses only its link here",
			[]Image{image("old", "base"), elsewhere},
			[]Stream{stream("new", "old"), other},
			"blobs [layer-of-old old] history a/app [old] links a/app [base layer-of-old] manifests a/app [old]",
		},
		{
			"without a stream the repository is known from the image",
			[]Image{image("old", "base")},
			nil,
			"blobs [base layer-of-old old] links a/app [base layer-of-old] manifests a/app [old]",
		},
		{
			"an imported image has nothing here but its entry",
			[]Image{imported},
			[]Stream{stream("new", "imported")},
			"blobs [] history a/app [imported]",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan := Decide(Options{KeepTagRevisions: 1, All: true}, Inputs{Now: now, Images: test.images, Streams: test.streams})
			text := []string{fmt.Sprint("blobs ", sets.List(plan.Blobs))}
			for _, part := range []struct {
				name string
				of   map[string]sets.Set[string]
			}{{"history", plan.History}, {"links", plan.Links}, {"manifests", plan.Manifests}} {
				for repository, digests := range part.of {
					text = append(text, fmt.Sprint(part.name, " ", repository, " ", sets.List(digests)))
				}
			}
			if got := strings.Join(text, " "); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	tests := []struct {
		name, object string
		want         []Reference
	}{
		{
			"a pod, with its init containers", "{kind: Pod, spec: {containers: [{image: \"r.test:5000/a/app@" + digest + "\"}], initContainers: [{image: \"r.test:5000/a/init:v1\"}]}}",
			[]Reference{{Digest: digest, Repository: "a/app"}, {Repository: "a/init", Tag: "v1"}},
		},
		{"a pod that has ended long ago", "{kind: Pod, metadata: {creationTimestamp: \"2020-01-01T00:00:00Z\"}, status: {phase: Succeeded}, spec: {containers: [{image: \"r.test/a/app:v1\"}]}}", nil},
		{"a young pod that has ended", "{kind: Pod, metadata: {creationTimestamp: \"2026-01-02T03:00:00Z\"}, status: {phase: Failed}, spec: {containers: [{image: \"r.test/a/app:v1\"}]}}", []Reference{{Repository: "a/app", Tag: "v1"}}},
		{"a cron job, deep inside", "{kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: \"r.test/a/app:v1\"}]}}}}}}", []Reference{{Repository: "a/app", Tag: "v1"}}},
		{"a build from a stream's tag", "{kind: Build, metadata: {namespace: a}, spec: {strategy: {sourceStrategy: {from: {kind: ImageStreamTag, name: \"builder:v1\"}}}}}", []Reference{{Repository: "a/builder", Tag: "v1"}}},
		{"a build from another namespace's image", "{kind: Build, metadata: {namespace: a}, spec: {strategy: {sourceStrategy: {from: {kind: ImageStreamImage, namespace: b, name: \"builder@" + digest + "\"}}}}}", []Reference{{Digest: digest, Repository: "b/builder"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &finder{cutoff: ago(1)}
			if err := f.add(parse(t, test.object)); err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(f.found, func(a, b Reference) int { return strings.Compare(a.Repository, b.Repository) })
			if !slices.Equal(f.found, test.want) {
				t.Errorf("%v, want %v", f.found, test.want)
			}
		})
	}
}

func TestAnInvalidReference(t *testing.T) {
	pod := parse(t, "{kind: Pod, metadata: {namespace: a, name: bad}, spec: {containers: [{image: \"NOT A REFERENCE\"}]}}")
	if err := (&finder{}).add(pod); err == nil || !strings.Contains(err.Error(), "Pod a/bad") {
		t.Errorf("%v, want an error that names the pod", err)
	}
	f := &finder{ignoreInvalid: true}
	if err := f.add(pod); err != nil || len(f.ignored) != 1 || len(f.found) != 0 {
		t.Errorf("%v, ignored %v, found %v", err, f.ignored, f.found)
	}
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}
