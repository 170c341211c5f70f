package imagestreams

import (
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Stream is what is kept of an image stream.
type Stream struct {
	namespace, name, version string
	// imported tags are mentioned in the stream's spec, pushed ones only in its status.
	imported, pushed int32
	// last marks the end of a list that a watch brings; such an object is no stream.
	last bool
}

// wire is the part of an ImageStream that is decoded. All else is skipped without being looked at.
type wire struct {
	Metadata struct {
		Namespace       string `json:"namespace"`
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
		Annotations     struct {
			InitialEventsEnd string `json:"k8s.io/initial-events-end"`
		} `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Tags []struct {
			Name string `json:"name"`
		} `json:"tags"`
	} `json:"spec"`
	Status struct {
		Tags []struct {
			Tag string `json:"tag"`
		} `json:"tags"`
	} `json:"status"`
}

// UnmarshalJSON counts.
func (s *Stream) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decoding an image stream: %w", err)
	}
	*s = Stream{
		namespace: w.Metadata.Namespace, name: w.Metadata.Name, version: w.Metadata.ResourceVersion,
		last: w.Metadata.Annotations.InitialEventsEnd == "true",
	}
	mentioned := make(map[string]bool, len(w.Spec.Tags))
	for _, tag := range w.Spec.Tags {
		mentioned[tag.Name] = true
	}
	for _, tag := range w.Status.Tags {
		if mentioned[tag.Tag] {
			s.imported++
		} else {
			s.pushed++
		}
	}
	return nil
}

// GetObjectMeta makes the metadata that the client library asks for, so that it need not be held.
func (s *Stream) GetObjectMeta() metav1.Object {
	m := &metav1.ObjectMeta{Namespace: s.namespace, Name: s.name, ResourceVersion: s.version}
	if s.last {
		m.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	return m
}

// GetObjectKind implements runtime.Object. The kind is known and not held.
func (s *Stream) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object.
func (s *Stream) DeepCopyObject() runtime.Object {
	clone := *s
	return &clone
}

// platform tells whether the stream is in a namespace of the platform. It is a test of the prefix and nothing else,
// because the numbers are compared over many clusters and years.
func (s *Stream) platform() bool { return strings.HasPrefix(s.namespace, "openshift") }

// list is a list of streams, or a page of one.
type list struct {
	metav1.ListMeta
	Items []*Stream
}

// GetObjectKind implements runtime.Object.
func (l *list) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object.
func (l *list) DeepCopyObject() runtime.Object {
	clone := &list{ListMeta: *l.DeepCopy(), Items: make([]*Stream, len(l.Items))}
	for i, item := range l.Items {
		copied := *item
		clone.Items[i] = &copied
	}
	return clone
}
