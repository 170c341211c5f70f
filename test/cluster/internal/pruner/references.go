package pruner

import (
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// parseReference reads the reference of an image. The host is left out: a repository of that name on another host then
// protects a stream of ours, which errs on the safe side.
func parseReference(text string) (Reference, error) {
	parsed, err := name.ParseReference(text)
	if err != nil {
		return Reference{}, fmt.Errorf("image reference %q: %w", text, err)
	}
	switch parsed := parsed.(type) {
	case name.Digest:
		return Reference{Digest: parsed.DigestStr(), Repository: parsed.RepositoryStr()}, nil
	case name.Tag:
		return Reference{Repository: parsed.RepositoryStr(), Tag: parsed.TagStr()}, nil
	}
	return Reference{}, fmt.Errorf("image reference %q: neither tag nor digest", text)
}

// finder collects the references of pods, workloads and builds. All of them are looked at in the same way: images of
// containers wherever a pod spec is, and `from` of build strategies.
type finder struct {
	ignoreInvalid bool
	cutoff        time.Time
	found         []Reference
	// ignored are errors of references that could not be read.
	ignored []error
}

// add takes an object's references. A pod that has ended protects its images only while it is young.
func (f *finder) add(object *unstructured.Unstructured) error {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	ended := phase == "Succeeded" || phase == "Failed"
	if object.GetKind() == "Pod" && ended && !object.GetCreationTimestamp().After(f.cutoff) {
		return nil
	}
	spec, _, err := unstructured.NestedMap(object.Object, "spec")
	if err == nil {
		err = f.walk(object.GetNamespace(), spec)
	}
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

func (f *finder) walk(namespace string, value any) error {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if err := f.walk(namespace, element); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, element := range value {
			if err := f.member(namespace, key, element); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *finder) member(namespace, key string, value any) error {
	switch key {
	case "containers", "initContainers":
		list, _ := value.([]any)
		for _, element := range list {
			container, _ := element.(map[string]any)
			if image, _ := container["image"].(string); image != "" {
				if err := f.reference(parseReference(image)); err != nil {
					return err
				}
			}
		}
		return nil
	case "from":
		if from, is := value.(map[string]any); is {
			return f.from(namespace, from)
		}
	}
	return f.walk(namespace, value)
}

// from is what a build starts from: an image, or a stream's tag or image of the same or another namespace.
func (f *finder) from(namespace string, from map[string]any) error {
	kind, _ := from["kind"].(string)
	text, _ := from["name"].(string)
	if other, _ := from["namespace"].(string); other != "" {
		namespace = other
	}
	switch kind {
	case "DockerImage":
		return f.reference(parseReference(text))
	case "ImageStreamTag", "ImageStreamImage":
		// The host is not looked at, but there has to be one.
		return f.reference(parseReference("stream.invalid/" + namespace + "/" + text))
	}
	return nil
}

func (f *finder) reference(reference Reference, err error) error {
	switch {
	case err == nil:
		f.found = append(f.found, reference)
	case f.ignoreInvalid:
		f.ignored = append(f.ignored, err)
	default:
		return err
	}
	return nil
}
