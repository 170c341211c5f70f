package seed

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
	configv1 "github.com/openshift/api/config/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/featuregates"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const versionName = "version"

// applyVersion writes ClusterVersion and FeatureGate. Their statuses are written once: afterwards they belong to the
// stand-ins for the version operator and the config operator.
func (s *seeder) applyVersion(ctx context.Context) error {
	// The same name gives the same id, so that applying again does not change it.
	id := uuid.NewSHA1(uuid.NameSpaceDNS, []byte(s.options.Name+"."+s.options.BaseDomain)).String()
	version := &unstructured.Unstructured{Object: object{
		"apiVersion": configv1.GroupVersion.String(), "kind": "ClusterVersion", "metadata": object{"name": versionName},
		"spec": object{"clusterID": id},
	}}
	if err := s.apply(ctx, gvr.ClusterVersions, version); err != nil {
		return err
	}
	if err := s.versionStatus(ctx); err != nil {
		return err
	}
	if err := s.apply(ctx, gvr.FeatureGates, configObject("FeatureGate", object{})); err != nil {
		return err
	}
	return s.gateStatus(ctx)
}

func (s *seeder) versionStatus(ctx context.Context) error {
	live, err := s.dynamic.Resource(gvr.ClusterVersions).Get(ctx, versionName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading clusterversion %s: %w", versionName, err)
	}
	version, err := loop.Typed[configv1.ClusterVersion](live)
	if err != nil {
		return err
	}
	if len(version.Status.History) > 0 {
		return nil
	}
	known, err := knownCapabilities()
	if err != nil {
		return err
	}
	now := metav1.NewTime(s.clock.Now())
	image := "release.cluster.test/release:" + s.options.Version
	version.Status = configv1.ClusterVersionStatus{
		Desired: configv1.Release{Version: s.options.Version, Image: image, Architecture: s.options.Architecture},
		History: []configv1.UpdateHistory{{
			State: configv1.CompletedUpdate, StartedTime: now, CompletionTime: &now, Version: s.options.Version, Image: image,
		}},
		ObservedGeneration: version.Generation,
		AvailableUpdates:   []configv1.Release{},
		Capabilities: configv1.ClusterVersionCapabilitiesStatus{
			KnownCapabilities: known,
			EnabledCapabilities: slices.DeleteFunc(slices.Clone(known), func(c configv1.ClusterVersionCapability) bool {
				return slices.Contains(s.options.DisabledCapabilities, c)
			}),
		},
		Conditions: []configv1.ClusterOperatorStatusCondition{
			{Type: configv1.OperatorAvailable, Status: configv1.ConditionTrue, LastTransitionTime: now, Message: "Done applying " + s.options.Version},
			{Type: configv1.OperatorProgressing, Status: configv1.ConditionFalse, LastTransitionTime: now, Message: "Cluster version is " + s.options.Version},
			{Type: "Failing", Status: configv1.ConditionFalse, LastTransitionTime: now},
		},
	}
	_, err = loop.WriteStatus(ctx, s.dynamic, gvr.ClusterVersions, version)
	return err
}

// knownCapabilities are those that the CRD of this cluster takes. The Go package lists some that only previews have.
func knownCapabilities() ([]configv1.ClusterVersionCapability, error) {
	crds, err := definitions()
	if err != nil {
		return nil, err
	}
	for _, obj := range crds {
		if obj.GetName() != "clusterversions.config.openshift.io" {
			continue
		}
		crd, err := loop.Typed[apiextensionsv1.CustomResourceDefinition](obj)
		if err != nil {
			return nil, err
		}
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		known := schema.Properties["status"].Properties["capabilities"].Properties["knownCapabilities"]
		var out []configv1.ClusterVersionCapability
		for _, value := range known.Items.Schema.Enum {
			var c configv1.ClusterVersionCapability
			if err := json.Unmarshal(value.Raw, &c); err != nil {
				return nil, fmt.Errorf("reading the known capabilities: %w", err)
			}
			out = append(out, c)
		}
		slices.Sort(out)
		return out, nil
	}
	return nil, fmt.Errorf("no CRD of ClusterVersion is embedded")
}

func (s *seeder) gateStatus(ctx context.Context) error {
	live, err := s.dynamic.Resource(gvr.FeatureGates).Get(ctx, clusterName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading featuregate %s: %w", clusterName, err)
	}
	gate, err := loop.Typed[configv1.FeatureGate](live)
	if err != nil {
		return err
	}
	if len(gate.Status.FeatureGates) > 0 {
		return nil
	}
	details, err := featuregates.Details(gate.Spec, s.options.Version)
	if err != nil {
		return err
	}
	gate.Status.FeatureGates = []configv1.FeatureGateDetails{details}
	_, err = loop.WriteStatus(ctx, s.dynamic, gvr.FeatureGates, gate)
	return err
}
