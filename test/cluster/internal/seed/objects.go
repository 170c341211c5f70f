package seed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
)

// namespaces that OpenShift has before its operators are installed. The registry's own is not one of them: the version
// operator makes it.
var namespaces = []string{
	"openshift-config", "openshift-config-managed", "openshift-monitoring", "openshift-cloud-credential-operator",
}

const clusterName = "cluster"

// object is a shorthand for the literal objects below.
type object = map[string]any

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

func (s *seeder) applyNamespaces(ctx context.Context) error {
	for _, name := range namespaces {
		ns := &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}}
		if err := s.apply(ctx, core("namespaces"), ns); err != nil {
			return err
		}
	}
	return nil
}

func configObject(kind string, spec object) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": configv1.GroupVersion.String(), "kind": kind, "metadata": object{"name": clusterName}, "spec": spec,
	}}
}

// applyConfiguration writes the objects of config.openshift.io but ClusterVersion and FeatureGate.
func (s *seeder) applyConfiguration(ctx context.Context) error {
	for _, c := range []struct {
		resource schema.GroupVersionResource
		obj      *unstructured.Unstructured
	}{
		{gvr.Images, configObject("Image", object{})},
		{gvr.Proxies, configObject("Proxy", object{})},
		{gvr.APIServers, configObject("APIServer", object{})},
		{gvr.DNSes, configObject("DNS", object{"baseDomain": s.options.BaseDomain})},
		{gvr.Ingresses, configObject("Ingress", object{"domain": "apps." + s.options.BaseDomain})},
	} {
		if err := s.apply(ctx, c.resource, c.obj); err != nil {
			return err
		}
	}
	return s.applyInfrastructure(ctx)
}

func (s *seeder) applyInfrastructure(ctx context.Context) error {
	status, err := platformStatus(s.options)
	if err != nil {
		return err
	}
	infrastructure := configObject("Infrastructure", object{"platformSpec": platformSpec(s.options)})
	if err := s.apply(ctx, gvr.Infrastructures, infrastructure); err != nil {
		return err
	}
	delete(infrastructure.Object, "spec")
	infrastructure.Object["status"] = object{
		"infrastructureName":     s.options.Name,
		"platform":               string(s.options.Platform),
		"platformStatus":         status,
		"apiServerURL":           s.options.APIServerURL,
		"apiServerInternalURI":   s.options.APIServerInternalURL,
		"etcdDiscoveryDomain":    "",
		"controlPlaneTopology":   string(s.options.Topology),
		"infrastructureTopology": string(s.options.Topology),
		"cpuPartitioning":        string(configv1.CPUPartitioningNone),
	}
	return s.applyStatus(ctx, gvr.Infrastructures, infrastructure)
}

// applyInputs writes the ConfigMaps and Secrets that an installer leaves for operators.
func (s *seeder) applyInputs(ctx context.Context) error {
	pullSecret, err := s.pullSecret()
	if err != nil {
		return err
	}
	if err := s.apply(ctx, core("secrets"), pullSecret); err != nil {
		return err
	}
	if s.options.Platform != configv1.AWSPlatformType || len(s.options.S3.CABundle) == 0 {
		return nil
	}
	return s.apply(ctx, core("configmaps"), &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": object{"name": "kube-cloud-config", "namespace": "openshift-config-managed"},
		"data":     object{"ca-bundle.pem": string(s.options.S3.CABundle)},
	}})
}

// pullSecret is well-formed and good for nothing: its host is a name inside the cluster's own test domain.
func (s *seeder) pullSecret() (*unstructured.Unstructured, error) {
	auth := base64.StdEncoding.EncodeToString([]byte("seed:seed"))
	config, err := json.Marshal(object{"auths": object{"registry." + s.options.BaseDomain: object{"auth": auth}}})
	if err != nil {
		return nil, fmt.Errorf("encoding the pull secret: %w", err)
	}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
		"metadata": object{"name": "pull-secret", "namespace": "openshift-config"},
		"data":     object{".dockerconfigjson": base64.StdEncoding.EncodeToString(config)},
	}}, nil
}

// applyVolumes offers folders of nodes as volumes. They are bound when a pod needs them, since they exist on one node only.
// A local volume, unlike a hostPath one, gets the pod's fsGroup.
func (s *seeder) applyVolumes(ctx context.Context) error {
	if len(s.options.LocalVolumes) == 0 {
		return nil
	}
	class := &unstructured.Unstructured{Object: object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": object{"name": "local"},
		"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
	}}
	classes := schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
	if err := s.apply(ctx, classes, class); err != nil {
		return err
	}
	for _, v := range s.options.LocalVolumes {
		if err := s.apply(ctx, core("persistentvolumes"), volume(v)); err != nil {
			return err
		}
	}
	return nil
}

func volume(v LocalVolume) *unstructured.Unstructured {
	modes := []any{}
	for _, m := range v.AccessModes {
		modes = append(modes, string(m))
	}
	if len(modes) == 0 {
		modes = []any{"ReadWriteOnce", "ReadWriteMany"}
	}
	if v.Capacity == "" {
		v.Capacity = DefaultCapacity
	}
	onNode := object{"key": "kubernetes.io/hostname", "operator": "In", "values": []any{v.Node}}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": object{"name": v.Name},
		"spec": object{
			"capacity":                      object{"storage": v.Capacity},
			"accessModes":                   modes,
			"persistentVolumeReclaimPolicy": "Retain",
			"storageClassName":              "local",
			"local":                         object{"path": v.Path},
			"nodeAffinity": object{"required": object{
				"nodeSelectorTerms": []any{object{"matchExpressions": []any{onNode}}},
			}},
		},
	}}
}
