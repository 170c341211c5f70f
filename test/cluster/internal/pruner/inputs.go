package pruner

import (
	"strings"
	"time"

	imagev1 "github.com/openshift/api/image/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Image is what an Image object tells.
type Image struct {
	// Object is the object's name, Digest that of the manifest.
	Object, Digest string
	Created        time.Time
	// Managed images have their content in this cluster's registry.
	Managed bool
	// Repository is namespace/name where the image was pushed to.
	Repository string
	// Blobs are layers, configuration and manifest.
	Blobs sets.Set[string]
}

// managedAnnotation marks images that were pushed to the cluster's own registry.
const managedAnnotation = "openshift.io/image.managed"

// Stream is an ImageStream with the history of its tags.
type Stream struct {
	Namespace, Name string
	Created         time.Time
	Tags            []Tag
}

// Repository is the stream's in the registry.
func (s Stream) Repository() string { return s.Namespace + "/" + s.Name }

// Tag is a tag with its images, the latest first.
type Tag struct {
	Name  string
	Items []Item
}

// Item is an entry of a tag's history.
type Item struct {
	Digest  string
	Created time.Time
}

// Reference is what a pod or a workload says about an image: a digest, or a stream's tag in Repository.
type Reference struct {
	Digest     string
	Repository string
	Tag        string
}

// digestOf undoes what a custom resource's name cannot hold.
func digestOf(name string) string {
	if hex, is := strings.CutPrefix(name, "sha256."); is {
		return "sha256:" + hex
	}
	return name
}

// newImage reads the object. Layers are listed in the object itself; the configuration is a blob too, and its digest is
// the id of the image's metadata.
func newImage(object *imagev1.Image, id string) Image {
	image := Image{
		Object: object.Name, Digest: digestOf(object.Name), Created: object.CreationTimestamp.Time,
		Managed: object.Annotations[managedAnnotation] == "true",
	}
	image.Blobs = sets.New(image.Digest)
	for _, layer := range object.DockerImageLayers {
		image.Blobs.Insert(layer.Name)
	}
	if strings.HasPrefix(id, "sha256:") {
		image.Blobs.Insert(id)
	}
	if parsed, err := parseReference(object.DockerImageReference); err == nil {
		image.Repository = parsed.Repository
	}
	return image
}

func newStream(object *imagev1.ImageStream) Stream {
	stream := Stream{Namespace: object.Namespace, Name: object.Name, Created: object.CreationTimestamp.Time}
	for _, events := range object.Status.Tags {
		tag := Tag{Name: events.Tag}
		for _, event := range events.Items {
			tag.Items = append(tag.Items, Item{Digest: event.Image, Created: event.Created.Time})
		}
		stream.Tags = append(stream.Tags, tag)
	}
	return stream
}
