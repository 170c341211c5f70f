package seed

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

//go:generate go run ./gen crds

// The copies are made by gen; crds/LICENSE is the licence they come under.
//
//go:embed crds/*.yaml
var crdFiles embed.FS

// permissive are resources that OpenShift serves from API servers or operators that this cluster does not have. Any content
// is taken.
var permissive = []struct {
	group, kind, plural string
	scope               apiextensionsv1.ResourceScope
	status              bool
}{
	{"image.openshift.io", "ImageStream", "imagestreams", apiextensionsv1.NamespaceScoped, true},
	{"image.openshift.io", "Image", "images", apiextensionsv1.ClusterScoped, false},
	{"cloudcredential.openshift.io", "CredentialsRequest", "credentialsrequests", apiextensionsv1.NamespaceScoped, true},
	{"monitoring.coreos.com", "ServiceMonitor", "servicemonitors", apiextensionsv1.NamespaceScoped, false},
	{"monitoring.coreos.com", "PrometheusRule", "prometheusrules", apiextensionsv1.NamespaceScoped, false},
}

func definitions() ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	entries, err := fs.ReadDir(crdFiles, "crds")
	if err != nil {
		return nil, fmt.Errorf("reading embedded CRDs: %w", err)
	}
	for _, entry := range entries {
		data, err := crdFiles.ReadFile(path.Join("crds", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading embedded CRD %s: %w", entry.Name(), err)
		}
		obj := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(data, &obj.Object); err != nil {
			return nil, fmt.Errorf("decoding embedded CRD %s: %w", entry.Name(), err)
		}
		out = append(out, obj)
	}
	for _, p := range permissive {
		obj, err := loop.Unstructured(permissiveCRD(p.group, p.kind, p.plural, p.scope, p.status))
		if err != nil {
			return nil, err
		}
		unstructured.RemoveNestedField(obj.Object, "status")
		out = append(out, obj)
	}
	return out, nil
}

func permissiveCRD(group, kind, plural string, scope apiextensionsv1.ResourceScope, status bool) *apiextensionsv1.CustomResourceDefinition {
	version := apiextensionsv1.CustomResourceDefinitionVersion{
		Name: "v1", Served: true, Storage: true,
		Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
			Type: "object", XPreserveUnknownFields: ptr.To(true),
		}},
	}
	if status {
		version.Subresources = &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}}
	}
	return &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiextensionsv1.SchemeGroupVersion.String(), Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: scope,
			Names:    apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: singular(kind)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{version},
		},
	}
}

// establishing is how long the API server may take to establish the CRDs; a few seconds are usual.
const establishing = 2 * time.Minute

// applyCRDs writes the CRDs and waits until the API server serves them all.
func (s *seeder) applyCRDs(ctx context.Context) error {
	crds, err := definitions()
	if err != nil {
		return err
	}
	waiting := sets.New[string]()
	for _, crd := range crds {
		if err := s.apply(ctx, gvr.CustomResourceDefinitions, crd); err != nil {
			return err
		}
		waiting.Insert(crd.GetName())
	}
	ctx, cancel := context.WithTimeout(ctx, establishing)
	defer cancel()
	return waitEstablished(ctx, s.dynamic, waiting)
}

func waitEstablished(ctx context.Context, client dynamic.Interface, waiting sets.Set[string]) error {
	resource := client.Resource(gvr.CustomResourceDefinitions)
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return resource.List(ctx, o) },
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return resource.Watch(ctx, o)
		},
	}
	_, err := watchtools.UntilWithSync(ctx, source, &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
		crd, err := loop.Typed[apiextensionsv1.CustomResourceDefinition](event.Object)
		if err != nil {
			return false, err
		}
		for _, c := range crd.Status.Conditions {
			switch {
			case c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue:
				waiting.Delete(crd.Name)
			case c.Type == apiextensionsv1.NamesAccepted && c.Status == apiextensionsv1.ConditionFalse:
				return false, fmt.Errorf("CRD %s: names not accepted: %s", crd.Name, c.Message)
			}
		}
		return waiting.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for CRDs %v to be established: %w", sets.List(waiting), err)
	}
	return nil
}
