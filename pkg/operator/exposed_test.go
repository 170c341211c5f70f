package operator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/metrics"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// certificate is self-signed and ends at the given time.
func certificate(t *testing.T, end time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func tlsSecret(name string, chain []byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: map[string][]byte{corev1.TLSCertKey: chain}}
}

func filled(t *testing.T, objects ...any) *Inputs {
	t.Helper()
	in, err := NewInputs(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		store := in.informers.secrets.Informer().GetStore()
		switch object.(type) {
		case *imageregistryv1.Config:
			store = in.informers.config.Informer().GetStore()
		case *imageregistryv1.ImagePruner:
			store = in.informers.pruner.Informer().GetStore()
		}
		if err := store.Add(object); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func TestConditionsOfBothResourcesAreExposed(t *testing.T) {
	cluster := metav1.ObjectMeta{Name: names.Cluster}
	config := &imageregistryv1.Config{ObjectMeta: cluster}
	config.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Available", Status: operatorv1.ConditionTrue, Reason: "Ready"}}
	pruner := &imageregistryv1.ImagePruner{ObjectMeta: cluster}
	pruner.Status.Conditions = []operatorv1.OperatorCondition{{Type: "Degraded", Status: operatorv1.ConditionUnknown, Reason: "Odd"}}
	want := []metrics.Condition{
		{Resource: "configs", Type: "Available", Reason: "Ready", True: true},
		{Resource: "imagepruners", Type: "Degraded", Reason: "Odd"},
	}
	if diff := cmp.Diff(want, filled(t, config, pruner).conditions()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := filled(t).conditions(); len(got) > 0 {
		t.Errorf("nothing is there, and there is %v", got)
	}
}

func TestEndsOfCertificatesAreExposed(t *testing.T) {
	first, second := time.Unix(1_800_000_000, 0).UTC(), time.Unix(1_900_000_000, 0).UTC()
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}}
	config.Spec.Routes = []imageregistryv1.ImageRegistryConfigRoute{{Name: "a", SecretName: "chosen"}, {Name: "b"}, {Name: "c", SecretName: "missing"}, {Name: "d", SecretName: "broken"}}
	in := filled(t, config,
		tlsSecret(names.RegistryTLSSecret, slices.Concat(certificate(t, first), certificate(t, second))),
		tlsSecret("chosen", certificate(t, second)), tlsSecret("broken", []byte("text")), tlsSecret("of-nobody", certificate(t, first)))
	got := in.certificates()
	slices.SortFunc(got, func(a, b metrics.Certificate) int { return strings.Compare(a.Secret, b.Secret) })
	want := []metrics.Certificate{{Secret: "chosen", NotAfter: second}, {Secret: names.RegistryTLSSecret, NotAfter: first}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCertificatesOfRoutesThatDoNotExistAreNotExposed(t *testing.T) {
	config := &imageregistryv1.Config{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}}
	config.Spec.ManagementState = operatorv1.Removed
	config.Spec.Routes = []imageregistryv1.ImageRegistryConfigRoute{{Name: "a", SecretName: "chosen"}}
	if got := filled(t, config, tlsSecret("chosen", certificate(t, time.Unix(1_800_000_000, 0)))).certificates(); len(got) > 0 {
		t.Errorf("the routes are removed, and there is %v", got)
	}
}

func TestTagsAreUnknownBeforeTheFirstAnswer(t *testing.T) {
	if tags, known := filled(t).tags(); known || len(tags) != 4 {
		t.Errorf("known %t: %v", known, tags)
	}
}

// Everything together makes one valid scrape.
func TestExposedMetricsCanBeGathered(t *testing.T) {
	m := NewMetrics()
	filled(t, tlsSecret(names.OperatorTLSSecret, certificate(t, time.Unix(1_800_000_000, 0)))).expose(m)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "image_registry_operator_certificate_expiry_timestamp_seconds" && len(family.GetMetric()) == 1 {
			return
		}
	}
	t.Error("the end of the certificate is missing")
}
