package pruner

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	imagev1 "github.com/openshift/api/image/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var (
	images  = imagev1.GroupVersion.WithResource("images")
	streams = imagev1.GroupVersion.WithResource("imagestreams")
)

// referring are the resources whose objects name images. Those of OpenShift may be missing: a cluster can do without
// the capabilities.
var referring = []struct {
	resource schema.GroupVersionResource
	optional bool
}{
	{schema.GroupVersionResource{Version: "v1", Resource: "pods"}, false},
	{schema.GroupVersionResource{Version: "v1", Resource: "replicationcontrollers"}, false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, false},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, false},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, false},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, false},
	{schema.GroupVersionResource{Group: "apps.openshift.io", Version: "v1", Resource: "deploymentconfigs"}, true},
	{schema.GroupVersionResource{Group: "build.openshift.io", Version: "v1", Resource: "buildconfigs"}, true},
	{schema.GroupVersionResource{Group: "build.openshift.io", Version: "v1", Resource: "builds"}, true},
}

// gather reads everything the decision needs. References come last: an image that is used from now on is still young.
func gather(ctx context.Context, client dynamic.Interface, o Options, now time.Time) (Inputs, []error, error) {
	in := Inputs{Now: now}
	if err := gatherImages(ctx, client, &in); err != nil {
		return in, nil, err
	}
	f := &finder{ignoreInvalid: o.IgnoreInvalidRefs, cutoff: now.Add(-o.KeepYoungerThan)}
	for _, r := range referring {
		list, err := client.Resource(r.resource).List(ctx, metav1.ListOptions{})
		if r.optional && apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return in, nil, fmt.Errorf("listing %s: %w", r.resource.Resource, err)
		}
		for i := range list.Items {
			if err := f.add(&list.Items[i]); err != nil {
				return in, nil, err
			}
		}
	}
	in.References = f.found
	return in, f.ignored, nil
}

func gatherImages(ctx context.Context, client dynamic.Interface, in *Inputs) error {
	imageList, err := client.Resource(images).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	for i := range imageList.Items {
		image := &imagev1.Image{}
		if err := decode(&imageList.Items[i], image); err != nil {
			return err
		}
		id, _, _ := unstructured.NestedString(imageList.Items[i].Object, "dockerImageMetadata", "Id")
		in.Images = append(in.Images, newImage(image, id))
	}
	streamList, err := client.Resource(streams).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing image streams: %w", err)
	}
	for i := range streamList.Items {
		stream := &imagev1.ImageStream{}
		if err := decode(&streamList.Items[i], stream); err != nil {
			return err
		}
		in.Streams = append(in.Streams, newStream(stream))
	}
	return nil
}

func decode(from *unstructured.Unstructured, into any) error {
	data, err := json.Marshal(from.Object)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("decoding %s %s: %w", from.GetKind(), from.GetName(), err)
	}
	return nil
}
