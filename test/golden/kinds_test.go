package golden

import (
	"os"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	applyconfigurations "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

// kind is one that the stand-in serves.
type kind struct {
	schema.GroupVersionKind
	resource string
	// namespaced objects have a namespace; status is a subresource of those with one.
	namespaced, status bool
	converter          managedfields.TypeConverter
	// schema is that of a custom resource, for its defaults.
	schema *spec.Schema
}

func (k *kind) path() string {
	if k.Group == "" {
		return "/api/" + k.Version
	}
	return "/apis/" + k.Group + "/" + k.Version
}

// manager records who owns which fields, and merges what is applied.
func (k *kind) manager(subresource string) (*managedfields.FieldManager, error) {
	return managedfields.NewDefaultCRDFieldManager(k.converter, asIs{}, asIs{}, asIs{}, k.GroupVersionKind, k.GroupVersion(), subresource, nil)
}

// served are the kinds the operator watches or writes: GROUP/VERSION KIND RESOURCE, then what it has.
const served = `
v1 Pod pods namespaced status
v1 Service services namespaced status
v1 Secret secrets namespaced
v1 ConfigMap configmaps namespaced
v1 ServiceAccount serviceaccounts namespaced
v1 PersistentVolumeClaim persistentvolumeclaims namespaced status
v1 Namespace namespaces status
v1 Node nodes status
apps/v1 Deployment deployments namespaced status
apps/v1 DaemonSet daemonsets namespaced status
batch/v1 CronJob cronjobs namespaced status
batch/v1 Job jobs namespaced status
policy/v1 PodDisruptionBudget poddisruptionbudgets namespaced status
networking.k8s.io/v1 NetworkPolicy networkpolicies namespaced
rbac.authorization.k8s.io/v1 ClusterRole clusterroles
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings
storage.k8s.io/v1 StorageClass storageclasses
config.openshift.io/v1 Infrastructure infrastructures status
config.openshift.io/v1 Proxy proxies status
config.openshift.io/v1 Image images status
config.openshift.io/v1 APIServer apiservers status
config.openshift.io/v1 FeatureGate featuregates status
config.openshift.io/v1 ClusterVersion clusterversions status
config.openshift.io/v1 ClusterOperator clusteroperators status
route.openshift.io/v1 Route routes namespaced status
imageregistry.operator.openshift.io/v1 Config configs status
imageregistry.operator.openshift.io/v1 ImagePruner imagepruners status
image.openshift.io/v1 ImageStream imagestreams namespaced status
`

// kinds is made once: reading schemas takes longer than a case.
var kinds = sync.OnceValues(readKinds)

// readKinds reads the table above. Which fields a manager owns, and how an apply merges lists, is decided by the schema: the
// built-in kinds bring theirs, ours is in the CRD; the other OpenShift kinds are not applied and need none.
func readKinds() ([]*kind, error) {
	builtin := applyconfigurations.NewTypeConverter(scheme.Scheme)
	var all []*kind
	for line := range strings.Lines(strings.TrimSpace(served)) {
		column := strings.Fields(line)
		gv, err := schema.ParseGroupVersion(column[0])
		if err != nil {
			return nil, err
		}
		k := &kind{GroupVersionKind: gv.WithKind(column[1]), resource: column[2], converter: managedfields.NewDeducedTypeConverter()}
		for _, has := range column[3:] {
			k.namespaced = k.namespaced || has == "namespaced"
			k.status = k.status || has == "status"
		}
		switch {
		case k.resource == "configs":
			if k.schema, err = configSchema(); err != nil {
				return nil, err
			}
			if k.converter, err = converterFor(k.GroupVersionKind, k.schema); err != nil {
				return nil, err
			}
		case scheme.Scheme.Recognizes(k.GroupVersionKind):
			k.converter = builtin
		}
		all = append(all, k)
	}
	return all, nil
}

func configSchema() (*spec.Schema, error) {
	content, err := os.ReadFile("../../manifests/00_configs.crd.yaml")
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema spec.Schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return nil, err
	}
	return &crd.Spec.Versions[0].Schema.OpenAPIV3Schema, nil
}

func converterFor(gvk schema.GroupVersionKind, model *spec.Schema) (managedfields.TypeConverter, error) {
	named := *model
	named.VendorExtensible = spec.VendorExtensible{Extensions: spec.Extensions{
		"x-kubernetes-group-version-kind": []any{map[string]any{"group": gvk.Group, "version": gvk.Version, "kind": gvk.Kind}},
	}}
	return managedfields.NewTypeConverter(map[string]*spec.Schema{gvk.Kind: &named}, true)
}

// setDefaults fills in the schema's defaults, as the API server does for custom resources.
func setDefaults(value any, model *spec.Schema) {
	switch value := value.(type) {
	case map[string]any:
		for name, property := range model.Properties {
			if _, found := value[name]; !found && property.Default != nil {
				value[name] = property.Default
			}
			if child, found := value[name]; found {
				setDefaults(child, &property)
			}
		}
	case []any:
		if model.Items == nil || model.Items.Schema == nil {
			return
		}
		for _, item := range value {
			setDefaults(item, model.Items.Schema)
		}
	}
}
