package imagestreams

import (
	"context"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// resource is the path of image streams in their API group.
const resource = "imagestreams"

var (
	groupVersion = schema.GroupVersion{Group: "image.openshift.io", Version: "v1"}
	// coreVersion is the one that list options are encoded for, whatever the group.
	coreVersion = schema.GroupVersion{Version: "v1"}
)

// Client reads image streams, in JSON: the other encoding of this API would have to be decoded whole.
type Client struct {
	rest       rest.Interface
	parameters runtime.ParameterCodec
}

// NewClient makes a client that uses the connections of transport.
func NewClient(config *rest.Config, transport *http.Client) (*Client, error) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(groupVersion.WithKind("ImageStream"), &Stream{})
	metav1.AddToGroupVersion(scheme, groupVersion)
	metav1.AddToGroupVersion(scheme, coreVersion)
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/apis", &groupVersion
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("making the client for image streams: %w", err)
	}
	return &Client{rest: client, parameters: runtime.NewParameterCodec(scheme)}, nil
}

// listAll reads a list, or a page of it if the options ask for one and the API server knows pages.
func (c *Client) listAll(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	body, err := c.rest.Get().Resource(resource).SpecificallyVersionedParams(&options, c.parameters, coreVersion).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return decodeList(body)
}

func (c *Client) watchAll(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	var limit time.Duration
	if options.TimeoutSeconds != nil {
		limit = time.Duration(*options.TimeoutSeconds) * time.Second
	}
	return c.rest.Get().Resource(resource).SpecificallyVersionedParams(&options, c.parameters, coreVersion).Timeout(limit).Watch(ctx)
}

// newInformer is not started.
func (c *Client) newInformer() cache.SharedIndexInformer {
	return cache.NewSharedIndexInformerWithOptions(
		&cache.ListWatch{ListWithContextFunc: c.listAll, WatchFuncWithContext: c.watchAll},
		&Stream{}, cache.SharedIndexInformerOptions{ObjectDescription: resource + "." + groupVersion.Group})
}
