package manifests

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// endpoint is what a ServiceMonitor says of one, whole: a field that is not here fails the test.
type endpoint struct {
	Port            string `json:"port"`
	TargetPort      int32  `json:"targetPort"`
	Path            string `json:"path"`
	Scheme          string `json:"scheme"`
	Interval        string `json:"interval"`
	BearerTokenFile string `json:"bearerTokenFile"`
	TLSConfig       struct {
		CAFile     string `json:"caFile"`
		ServerName string `json:"serverName"`
	} `json:"tlsConfig"`
}

type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Endpoints         []endpoint           `json:"endpoints"`
		Selector          metav1.LabelSelector `json:"selector"`
		NamespaceSelector struct {
			MatchNames []string `json:"matchNames"`
		} `json:"namespaceSelector"`
	} `json:"spec"`
}

// serviceCABundle is where the monitoring operator mounts the CA of the cluster's services into Prometheus.
const serviceCABundle = "/etc/prometheus/configmaps/serving-certs-ca-bundle/service-ca.crt"

func fromBindata(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile("../../bindata/" + file)
	if err == nil {
		err = yaml.UnmarshalStrict(content, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A ServiceMonitor that selects no Service, or a port that the Service has not, or trusts another name or CA than those of
// the Service's certificate, scrapes nothing and says so nowhere.
func TestServiceMonitorsFitTheirServices(t *testing.T) {
	all := load(t)
	var registry, self corev1.Service
	fromBindata(t, "registry/service.yaml", &registry)
	find(all, "Service", "image-registry-operator")[0].decode(t, &self)
	for _, test := range []struct {
		service corev1.Service
		path    string
		// token is what the registry wants to see, and the operator does not.
		token string
	}{
		{registry, "/extensions/v2/metrics", "/var/run/secrets/kubernetes.io/serviceaccount/token"},
		{self, "/metrics", ""},
	} {
		service := test.service
		var monitor serviceMonitor
		find(all, "ServiceMonitor", service.Name)[0].decode(t, &monitor)
		selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
		if err != nil || selector.Empty() || !selector.Matches(labels.Set(service.Labels)) {
			t.Errorf("ServiceMonitor %s selects %v (%v), the Service has %v", service.Name, selector, err, service.Labels)
		}
		if !slices.Equal(monitor.Spec.NamespaceSelector.MatchNames, []string{service.Namespace}) {
			t.Errorf("ServiceMonitor %s looks in %v, the Service is in %s", service.Name, monitor.Spec.NamespaceSelector.MatchNames, service.Namespace)
		}
		if service.Annotations["service.alpha.openshift.io/serving-cert-secret-name"] == "" {
			t.Errorf("Service %s has no certificate of the CA in %s", service.Name, serviceCABundle)
		}
		want := endpoint{Port: service.Spec.Ports[0].Name, Path: test.path, Scheme: "https", BearerTokenFile: test.token}
		want.TLSConfig.CAFile = serviceCABundle
		// The name in the certificate.
		want.TLSConfig.ServerName = service.Name + "." + service.Namespace + ".svc"
		for _, got := range monitor.Spec.Endpoints {
			want.Interval = got.Interval
			if want.TargetPort = got.TargetPort; got.TargetPort != 0 {
				want.TargetPort = service.Spec.Ports[0].TargetPort.IntVal
			}
		}
		if diff := cmp.Diff([]endpoint{want}, monitor.Spec.Endpoints); diff != "" {
			t.Errorf("ServiceMonitor %s does not scrape what the Service has (-Service +ServiceMonitor)\n%s", service.Name, diff)
		}
	}
}

// Of the registry, what is scraped is there: with TLS, at that port, and switched on. The operator's certificate and port are
// in TestReferencesFit, and that it serves /metrics without a token in the tests of pkg/metrics.
func TestTheRegistryServesWhatIsScraped(t *testing.T) {
	var registry appsv1.Deployment
	fromBindata(t, "registry/deployment.yaml", &registry)
	container := registry.Spec.Template.Spec.Containers[0]
	variables := map[string]string{}
	for _, variable := range container.Env {
		variables[variable.Name] = variable.Value
	}
	for name, want := range map[string]string{
		"REGISTRY_OPENSHIFT_METRICS_ENABLED": "true",
		"REGISTRY_HTTP_ADDR":                 ":5000",
		"REGISTRY_HTTP_TLS_CERTIFICATE":      "/etc/secrets/tls.crt",
		"REGISTRY_HTTP_TLS_KEY":              "/etc/secrets/tls.key",
	} {
		if variables[name] != want {
			t.Errorf("the registry has %s=%q, want %q", name, variables[name], want)
		}
	}
}

// The roles that others than the operator get: each a thing that one program asks for, and not more. The operator's own are
// held to what it asks for by test/integration.
func TestRolesOfOthers(t *testing.T) {
	all := load(t)
	for _, test := range []struct {
		kind, name  string
		rules       []rbacv1.PolicyRule
		who         string
		description string
	}{
		{"Role", names.Move, []rbacv1.PolicyRule{
			{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, ResourceNames: []string{names.Move}, Verbs: []string{"patch"}},
		}, names.OperatorNamespace + "/" + names.RegistryServiceAccount, "the Job reports its progress on itself, as the registry"},
		{"Role", names.NodeCA, []rbacv1.PolicyRule{
			{APIGroups: []string{"security.openshift.io"}, Resources: []string{"securitycontextconstraints"}, ResourceNames: []string{"privileged"}, Verbs: []string{"use"}},
		}, names.OperatorNamespace + "/" + names.NodeCA, "it mounts a folder of its host"},
		{"Role", "prometheus-k8s", []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"services", "endpoints", "pods"}, Verbs: []string{"get", "list", "watch"}},
		}, "openshift-monitoring/prometheus-k8s", "Prometheus finds what to scrape"},
		{"ClusterRole", "registry-monitoring", []rbacv1.PolicyRule{
			{APIGroups: []string{"image.openshift.io"}, Resources: []string{"registry/metrics"}, Verbs: []string{"get"}},
		}, "openshift-monitoring/prometheus-k8s", "the registry asks whether its metrics may be read"},
	} {
		var role rbacv1.Role // a ClusterRole is a Role without a namespace
		find(all, test.kind, test.name)[0].decode(t, &role)
		if diff := cmp.Diff(test.rules, role.Rules); diff != "" {
			t.Errorf("%s %s (%s): (-want +got)\n%s", test.kind, test.name, test.description, diff)
		}
		var binding rbacv1.RoleBinding
		find(all, test.kind+"Binding", test.name)[0].decode(t, &binding)
		subject := binding.Subjects[0]
		if binding.RoleRef.Kind != test.kind || binding.RoleRef.Name != test.name || subject.Kind != "ServiceAccount" || subject.Namespace+"/"+subject.Name != test.who {
			t.Errorf("%sBinding %s gives %v to %v, want the role of its name for %s", test.kind, test.name, binding.RoleRef, binding.Subjects, test.who)
		}
		if role.Namespace != binding.Namespace || test.kind == "Role" && role.Namespace != names.OperatorNamespace {
			t.Errorf("%s %s is in namespace %q, its binding in %q", test.kind, test.name, role.Namespace, binding.Namespace)
		}
	}
}
