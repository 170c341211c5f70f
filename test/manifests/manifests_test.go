// Package manifests checks what the version operator applies for the operator itself: annotations, images, RBAC, and that
// the two variants of the Deployment are one.
package manifests

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const (
	folder     = "../../manifests"
	capability = "capability.openshift.io/name"
	include    = "include.release.openshift.io/"
	// unreleased is what the release build replaces by its version.
	unreleased = "0.0.1-snapshot"
)

// manifestHead is what every object begins with.
type manifestHead struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
}

// manifest is one object of one file.
type manifest struct {
	file    string
	content []byte
	manifestHead
}

func (m manifest) String() string {
	return m.file + ": " + m.Kind + " " + m.Metadata.Namespace + "/" + m.Metadata.Name
}

// decode fails the test for a field that the type does not have.
func (m manifest) decode(t *testing.T, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(m.content, into); err != nil {
		t.Fatalf("%s: %v", m, err)
	}
}

// load reads every manifest in the order in which they are applied.
func load(t *testing.T) []manifest {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(released(a), released(b)) })
	var all []manifest
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(content), "\n---\n") {
			m := manifest{file: filepath.Base(file), content: []byte(document)}
			if err := yaml.Unmarshal(m.content, &m); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if m.Kind == "" || m.APIVersion == "" || m.Metadata.Name == "" {
				t.Fatalf("%s has an object without kind, apiVersion or name", file)
			}
			all = append(all, m)
		}
	}
	return all
}

// released is the name that the release build gives a file: those without a run level get 50 and the operator's name.
func released(file string) string {
	base := filepath.Base(file)
	if strings.HasPrefix(base, "0000_") {
		return base
	}
	return "0000_50_" + names.OperatorDeployment + "_" + base
}

// find returns the objects of a kind with a name.
func find(all []manifest, kind, name string) []manifest {
	var found []manifest
	for _, m := range all {
		if m.Kind == kind && m.Metadata.Name == name {
			found = append(found, m)
		}
	}
	return found
}

var (
	selfManaged = []string{include + "self-managed-high-availability", include + "single-node-developer"}
	hosted      = []string{include + "hypershift", include + "ibm-cloud-managed"}
	everywhere  = slices.Concat(hosted, selfManaged)
)

// wantAnnotations is the table of what each object carries. Every include annotation is "true".
func wantAnnotations(m manifest) map[string]string {
	includes, want := everywhere, map[string]string{capability: "ImageRegistry"}
	switch m.Kind + " " + m.Metadata.Name {
	case "Namespace openshift-image-registry":
		want["openshift.io/node-selector"], want["workload.openshift.io/allowed"] = "", "management"
	case "ConfigMap trusted-ca":
		want["release.openshift.io/create-only"] = "true"
	case "ConfigMap image-registry-operator-config":
		want["config.openshift.io/inject-tls"] = "true"
	case "Service image-registry-operator":
		want["service.alpha.openshift.io/serving-cert-secret-name"] = "image-registry-operator-tls"
	case "NetworkPolicy default-deny-all", "NetworkPolicy image-registry-move-networkpolicy", "NetworkPolicy image-registry-operator-networkpolicy":
		includes = selfManaged
	case "Deployment " + names.OperatorDeployment:
		want["config.openshift.io/inject-proxy"] = names.OperatorDeployment
		includes = selfManaged
		if m.file == "07-operator-hosted.yaml" {
			includes = hosted
		}
	case "CustomResourceDefinition configs.imageregistry.operator.openshift.io", "CustomResourceDefinition imagepruners.imageregistry.operator.openshift.io":
		// As the API module has them, which are applied whatever the capabilities.
		delete(want, capability)
		want["api.openshift.io/merged-by-featuregates"] = "true"
		want["api-approved.openshift.io"] = m.Metadata.Annotations["api-approved.openshift.io"]
		includes = []string{include + "ibm-cloud-managed", include + "self-managed-high-availability"}
	}
	if m.Kind == "CredentialsRequest" {
		want[capability] = "ImageRegistry+CloudCredential"
	}
	for _, key := range includes {
		want[key] = "true"
	}
	return want
}

func TestAnnotations(t *testing.T) {
	for _, m := range load(t) {
		if diff := cmp.Diff(wantAnnotations(m), m.Metadata.Annotations); diff != "" {
			t.Errorf("%s: annotations (-want +got)\n%s", m, diff)
		}
	}
}

// Everything of the release is found by the labels that the objects of bindata have, too. CRDs are the API module's.
func TestLabels(t *testing.T) {
	want := map[string]string{
		"app.kubernetes.io/component": "operator", "app.kubernetes.io/managed-by": "cluster-version-operator",
		"app.kubernetes.io/name": names.Registry, "app.kubernetes.io/part-of": names.OperatorNamespace,
	}
	for _, m := range load(t) {
		if m.Kind == "CustomResourceDefinition" {
			continue
		}
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(m.content, &object); err != nil {
			t.Fatalf("%s: %v", m, err)
		}
		for key, value := range want {
			if object.Labels[key] != value {
				t.Errorf("%s: label %s is %q, want %q", m, key, object.Labels[key], value)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range load(t) {
		if m.Metadata.Namespace == names.OperatorNamespace && !seen["Namespace"] {
			t.Errorf("%s comes before its namespace", m)
		}
		if m.Kind == "Deployment" {
			for _, earlier := range []string{"CustomResourceDefinition", "ServiceAccount", "ClusterRoleBinding", "RoleBinding", "CredentialsRequest", "ConfigMap", "NetworkPolicy", "Service"} {
				if !seen[earlier] {
					t.Errorf("%s comes before the first %s", m, earlier)
				}
			}
		}
		seen[m.Kind] = true
	}
}

func deployments(t *testing.T) (self, hosted appsv1.Deployment) {
	t.Helper()
	all := find(load(t), "Deployment", names.OperatorDeployment)
	if len(all) != 2 {
		t.Fatalf("%d Deployments, want two variants", len(all))
	}
	for _, m := range all {
		if m.Metadata.Annotations[selfManaged[0]] != "" {
			m.decode(t, &self)
		} else {
			m.decode(t, &hosted)
		}
	}
	return self, hosted
}

func TestVariantsDifferOnlyInAnnotationsAndNodeSelector(t *testing.T) {
	self, hosted := deployments(t)
	const role = "node-role.kubernetes.io/master"
	want := map[string]string{corev1.LabelOSStable: "linux"}
	if _, found := self.Spec.Template.Spec.NodeSelector[role]; !found || !maps.Equal(hosted.Spec.Template.Spec.NodeSelector, want) {
		t.Errorf("node selectors: self-managed %v, hosted %v", self.Spec.Template.Spec.NodeSelector, hosted.Spec.Template.Spec.NodeSelector)
	}
	self.Annotations = hosted.Annotations
	delete(self.Spec.Template.Spec.NodeSelector, role)
	if diff := cmp.Diff(self, hosted); diff != "" {
		t.Errorf("(-self-managed +hosted)\n%s", diff)
	}
}

func TestImagesAreThoseOfImageReferences(t *testing.T) {
	content, err := os.ReadFile(folder + "/image-references")
	if err != nil {
		t.Fatal(err)
	}
	var references struct {
		metav1.TypeMeta
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Tags []struct {
				Name string                 `json:"name"`
				From corev1.ObjectReference `json:"from"`
			} `json:"tags"`
		} `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(content, &references); err != nil {
		t.Fatal(err)
	}
	images := map[string]string{}
	for _, tag := range references.Spec.Tags {
		if tag.From.Kind != "DockerImage" {
			t.Errorf("tag %s is from a %s", tag.Name, tag.From.Kind)
		}
		images[tag.Name] = tag.From.Name
	}
	if diff := cmp.Diff(map[string]string{capability: "ImageRegistry"}, references.Metadata.Annotations); diff != "" {
		t.Error(diff)
	}
	self, _ := deployments(t)
	container := self.Spec.Template.Spec.Containers[0]
	got := map[string]string{"the container": container.Image}
	for _, env := range container.Env {
		if strings.Contains(env.Name, "IMAGE") && !strings.Contains(env.Name, "VERSION") {
			got[env.Name] = env.Value
		}
	}
	want := map[string]string{
		"the container": images["cluster-image-registry-operator"], "OPERATOR_IMAGE": images["cluster-image-registry-operator"],
		"IMAGE": images["docker-registry"], "IMAGE_PRUNER": images["cli"],
	}
	if diff := cmp.Diff(want, got); diff != "" || len(images) != 3 {
		t.Errorf("%d image references, difference of (-image-references +Deployment)\n%s", len(images), diff)
	}
}

func TestReleaseVersionPlaceholders(t *testing.T) {
	self, _ := deployments(t)
	found := 0
	for _, env := range self.Spec.Template.Spec.Containers[0].Env {
		if (env.Name == "RELEASE_VERSION" || env.Name == "OPERATOR_IMAGE_VERSION") && env.Value == unreleased {
			found++
		}
	}
	operator := find(load(t), "ClusterOperator", names.ClusterOperator)
	if found != 2 || len(operator) != 1 || !strings.Contains(string(operator[0].content), unreleased) {
		t.Errorf("%d of 2 variables and %d ClusterOperators with the version %s", found, len(operator), unreleased)
	}
}

func TestOperatorPodIsRestrictedAndProbed(t *testing.T) {
	self, _ := deployments(t)
	pod := self.Spec.Template.Spec
	container := pod.Containers[0]
	yes, no := true, false
	want := &corev1.SecurityContext{
		RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(want, container.SecurityContext); diff != "" {
		t.Errorf("security context (-want +got)\n%s", diff)
	}
	for name, probe := range map[string]*corev1.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != name || probe.HTTPGet.Scheme != corev1.URISchemeHTTPS {
			t.Errorf("probe for %s: %v", name, probe)
		}
	}
	if self.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || pod.ServiceAccountName != names.OperatorDeployment {
		t.Errorf("strategy %s, ServiceAccount %s", self.Spec.Strategy.Type, pod.ServiceAccountName)
	}
	mounted := map[string]bool{}
	for _, mount := range container.VolumeMounts {
		mounted[mount.Name] = true
	}
	for _, volume := range pod.Volumes {
		if !mounted[volume.Name] {
			t.Errorf("volume %s is not mounted", volume.Name)
		}
	}
}

// What pods must not write is mounted read-only, and what they may write is bounded: it is the node's disk.
func TestVolumesOfTheOperatorAreReadOnlyOrBounded(t *testing.T) {
	self, _ := deployments(t)
	pod := self.Spec.Template.Spec
	bounded := map[string]bool{}
	for _, volume := range pod.Volumes {
		bounded[volume.Name] = volume.EmptyDir != nil && volume.EmptyDir.SizeLimit != nil
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.ReadOnly == bounded[mount.Name] {
			t.Errorf("volume %s: mounted read-only %t, an empty folder with a size limit %t", mount.Name, mount.ReadOnly, bounded[mount.Name])
		}
	}
}

// Files named in arguments have to lie in a mounted volume; a typo there would disable a reload in silence.
func TestArgumentsNameMountedFiles(t *testing.T) {
	self, _ := deployments(t)
	container := self.Spec.Template.Spec.Containers[0]
	for _, argument := range container.Args {
		_, path, _ := strings.Cut(argument, "=")
		if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
			return strings.HasPrefix(path, strings.TrimSuffix(m.MountPath, "/")+"/")
		}) {
			t.Errorf("%s is in no volume", argument)
		}
	}
}

func TestNoWildcardsAndOneSubject(t *testing.T) {
	for _, m := range load(t) {
		switch m.Kind {
		case "Role", "ClusterRole":
			var role rbacv1.Role // a ClusterRole is a Role without a namespace
			m.decode(t, &role)
			for _, rule := range role.Rules {
				if slices.Contains(slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs), "*") {
					t.Errorf("%s has a wildcard: %v", m, rule)
				}
			}
		case "RoleBinding", "ClusterRoleBinding":
			var binding rbacv1.RoleBinding
			m.decode(t, &binding)
			if len(binding.Subjects) != 1 || binding.Subjects[0].Namespace == "" {
				t.Errorf("%s has subjects %v", m, binding.Subjects)
			}
			if len(find(load(t), binding.RoleRef.Kind, binding.RoleRef.Name)) == 0 {
				t.Errorf("%s refers to the role %s that is not shipped", m, binding.RoleRef.Name)
			}
		}
	}
}
