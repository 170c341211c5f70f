package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func service(ports ...int32) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: "image-registry"}}
	for _, port := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: port})
	}
	return s
}

func configMap(data map[string]string) *corev1.ConfigMap { return &corev1.ConfigMap{Data: data} }

const (
	key1       = "image-registry.openshift-image-registry.svc..5000"
	key2       = "image-registry.openshift-image-registry.svc.cluster.local..5000"
	storageKey = "storage-ca-bundle.pem"
)

type data = map[string]string

func TestMerge(t *testing.T) {
	ca, store, oldStore, user := newCertificate(t), newCertificate(t), newCertificate(t), newCertificate(t)
	for _, tc := range []struct {
		name                     string
		in                       Inputs
		certificates, registryCA data
		binary                   map[string][]byte
		errors, warnings         []string // parts of each
	}{
		{name: "nothing is known yet"},
		{
			name: "own entries go to both outputs", in: Inputs{ServiceCA: ca, Service: service(5000)},
			certificates: data{key1: ca, key2: ca}, registryCA: data{key1: ca, key2: ca},
		},
		{
			name: "the https port is left out of the keys", in: Inputs{ServiceCA: ca, Service: service(443, 5000)},
			certificates: data{shortHost: ca, longHost: ca}, registryCA: data{shortHost: ca, longHost: ca},
		},
		{
			name: "a Service without ports is no reason to fail", in: Inputs{ServiceCA: ca, Service: service()},
			certificates: data{shortHost: ca, longHost: ca}, registryCA: data{shortHost: ca, longHost: ca},
		},
		{name: "no own entries without the Service", in: Inputs{ServiceCA: ca}},
		{name: "no own entries before the service CA is injected", in: Inputs{Service: service(5000)}},
		{
			name: "own entries survive while the service CA is injected anew",
			in:   Inputs{Service: service(5000), Published: configMap(data{key1: ca, key2: ca, "stale": user})},

			certificates: data{key1: ca, key2: ca}, registryCA: data{key1: ca, key2: ca},
		},
		{
			name: "own entries go with the Service",
			in:   Inputs{ServiceCA: ca, Published: configMap(data{key1: ca, key2: ca})},
		},
		{
			name:         "additional entries keep their keys and go to the first output only",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Additional: Additional{Name: "mine", ConfigMap: &corev1.ConfigMap{Data: data{"r.example.com..5000": user}, BinaryData: map[string][]byte{"bin": []byte(user)}}}},
			certificates: data{key1: ca, key2: ca, "r.example.com..5000": user}, registryCA: data{key1: ca, key2: ca},
			binary: map[string][]byte{"bin": []byte(user)},
		},
		{
			name:         "the service CA wins over an additional entry of the same key, text or binary",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Additional: Additional{Name: "mine", ConfigMap: &corev1.ConfigMap{Data: data{key1: user}, BinaryData: map[string][]byte{key2: []byte(user)}}}},
			certificates: data{key1: ca, key2: ca}, registryCA: data{key1: ca, key2: ca},
			warnings: []string{"key " + key1 + " of configmap openshift-config/mine is not used", "key " + key2 + " of configmap openshift-config/mine is not used"},
		},
		{
			name:         "an entry for the registry's host is used while there is no registry",
			in:           Inputs{ServiceCA: ca, Additional: Additional{Name: "mine", ConfigMap: configMap(data{key1: user})}},
			certificates: data{key1: user},
		},
		{
			name:         "a missing ConfigMap is an error and what was published of it stays",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Additional: Additional{Name: "gone"}, Published: &corev1.ConfigMap{Data: data{key1: "old", "image-registry.openshift-image-registry.svc": "old", storageKey: "old", "b": user, "a..1": user}, BinaryData: map[string][]byte{"c": []byte(user)}}},
			certificates: data{key1: ca, key2: ca, "b": user, "a..1": user}, registryCA: data{key1: ca, key2: ca},
			binary: map[string][]byte{"c": []byte(user)},
			errors: []string{"configmap openshift-config/gone, named by spec.additionalTrustedCA of images.config.openshift.io/cluster, does not exist; still published from it: a..1, b, c"},
		},
		{
			name:         "a missing ConfigMap that was never there",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Additional: Additional{Name: "gone"}},
			certificates: data{key1: ca, key2: ca}, registryCA: data{key1: ca, key2: ca},
			errors: []string{"configmap openshift-config/gone, named by spec.additionalTrustedCA of images.config.openshift.io/cluster, does not exist"},
		},
		{
			name: "additional entries go when the administrator names none any more",
			in:   Inputs{Published: configMap(data{"b": user})},
		},
		{
			name:         "what is no certificate is published and named",
			in:           Inputs{Additional: Additional{Name: "mine", ConfigMap: &corev1.ConfigMap{Data: data{"a": "hello", "b": user}, BinaryData: map[string][]byte{"c": {0xff}}}}},
			certificates: data{"a": "hello", "b": user}, binary: map[string][]byte{"c": {0xff}},
			warnings: []string{"key a of configmap openshift-config/mine: no PEM", "key c of configmap openshift-config/mine: no PEM"},
		},
		{
			name:         "a service CA that is none is published and named",
			in:           Inputs{ServiceCA: "hello", Service: service(5000)},
			certificates: data{key1: "hello", key2: "hello"}, registryCA: data{key1: "hello", key2: "hello"},
			warnings: []string{"key service-ca.crt of configmap openshift-image-registry/serviceca: no PEM"},
		},
		{
			name:         "the storage CA has a key of its own and is added to own entries for redirects",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Storage: StorageCA{Bundles: []string{store}}},
			certificates: data{key1: ca + "\n" + store, key2: ca + "\n" + store, storageKey: store}, registryCA: data{key1: ca + "\n" + store, key2: ca + "\n" + store},
		},
		{
			name:         "without redirects own entries need no storage CA",
			in:           Inputs{ServiceCA: ca, Service: service(5000), DisableRedirect: true, Storage: StorageCA{Bundles: []string{store}}},
			certificates: data{key1: ca, key2: ca, storageKey: store}, registryCA: data{key1: ca, key2: ca},
		},
		{
			name:         "the CAs of both locations are trusted during a switch, each once",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Storage: StorageCA{Bundles: []string{store, oldStore + store}}},
			certificates: data{key1: ca + "\n" + store + "\n" + oldStore, key2: ca + "\n" + store + "\n" + oldStore, storageKey: store + "\n" + oldStore},
			registryCA:   data{key1: ca + "\n" + store + "\n" + oldStore, key2: ca + "\n" + store + "\n" + oldStore},
		},
		{
			name:         "a storage behind the service CA adds nothing to own entries",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Storage: StorageCA{Bundles: []string{ca}}},
			certificates: data{key1: ca, key2: ca, storageKey: ca}, registryCA: data{key1: ca, key2: ca},
		},
		{
			name:         "the published storage CA stays while its source is away",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Storage: StorageCA{Problems: []string{"no such map"}}, Published: configMap(data{storageKey: store})},
			certificates: data{key1: ca + "\n" + store, key2: ca + "\n" + store, storageKey: store}, registryCA: data{key1: ca + "\n" + store, key2: ca + "\n" + store},
			errors: []string{"no such map"},
		},
		{
			name:         "an additional entry under the key of the storage CA is not taken for it",
			in:           Inputs{ServiceCA: ca, Service: service(5000), Storage: StorageCA{Problems: []string{"no such map"}}, Additional: Additional{Name: "mine", ConfigMap: configMap(data{storageKey: user})}, Published: configMap(data{storageKey: user})},
			certificates: data{key1: ca, key2: ca, storageKey: user}, registryCA: data{key1: ca, key2: ca},
			errors: []string{"no such map"},
		},
		{
			name:         "the storage CA wins over an additional entry under its key",
			in:           Inputs{Storage: StorageCA{Bundles: []string{store}}, Additional: Additional{Name: "mine", ConfigMap: configMap(data{storageKey: user})}},
			certificates: data{storageKey: store},
			warnings:     []string{"key storage-ca-bundle.pem of configmap openshift-config/mine is not used"},
		},
		{
			name:         "a certificate repeated in an additional entry is published once",
			in:           Inputs{Additional: Additional{Name: "mine", ConfigMap: &corev1.ConfigMap{Data: data{"a": "# x\n" + user + user}, BinaryData: map[string][]byte{"b": []byte(user + user)}}}},
			certificates: data{"a": "# x\n" + user}, binary: map[string][]byte{"b": []byte(user)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Merge(tc.in)
			want := Bundle{Certificates: Content{tc.certificates, tc.binary}, RegistryCA: Content{Data: tc.registryCA}}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Bundle{}, "Errors", "Warnings")); diff != "" {
				t.Errorf("bundle (-want +got):\n%s", diff)
			}
			checkTexts(t, "errors", tc.errors, got.Errors)
			checkTexts(t, "warnings", tc.warnings, got.Warnings)
		})
	}
}

func checkTexts(t *testing.T, what string, want, got []string) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s %q, want %q", what, got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s[%d] is %q, want %q", what, i, got[i], want[i])
		}
	}
}

func TestMergeLeavesItsInputsAlone(t *testing.T) {
	published := configMap(data{key1: "old", "a": "user"})
	Merge(Inputs{Additional: Additional{Name: "gone"}, Published: published})
	if diff := cmp.Diff(data{key1: "old", "a": "user"}, published.Data); diff != "" {
		t.Errorf("the cached ConfigMap was changed (-want +got):\n%s", diff)
	}
}

func TestMergeStaysWithinTheSizeOfAConfigMap(t *testing.T) {
	ca := newCertificate(t)
	filler := func(size int) string { return strings.Repeat("x", size) }
	for _, tc := range []struct {
		name       string
		storage    string
		user       data
		certs, reg []string
		errors     []string
	}{
		{
			name: "exactly one mebibyte is fine", user: data{"big": filler(maxSize - 2*len(ca))},
			certs: []string{key1, key2, "big"}, reg: []string{key1, key2},
		},
		{
			name: "the largest additional entry is left out, the small ones stay", user: data{"big": filler(maxSize - 2*len(ca) + 1), "z": "1", "a": "2"},
			certs: []string{"a", key1, key2, "z"}, reg: []string{key1, key2},
			errors: []string{"key big of configmap openshift-image-registry/image-registry-certificates"},
		},
		{
			name: "one entry that could just fit is left out for several smaller ones", user: data{"a-big": filler(maxSize - 2*len(ca) - 1), "b": "12", "c": "34"},
			certs: []string{key1, key2, "b", "c"}, reg: []string{key1, key2},
			errors: []string{"key a-big of configmap openshift-image-registry/image-registry-certificates"},
		},
		{
			name: "own entries and the storage's come before redirects and additional entries", storage: filler(maxSize / 2), user: data{"a": filler(maxSize / 2)},
			certs: []string{key1, key2, storageKey}, reg: []string{key1, key2},
			errors: []string{
				"key " + key1 + " of configmap openshift-image-registry/image-registry-certificates",
				"key " + key2 + " of configmap openshift-image-registry/image-registry-certificates",
				"key a of configmap openshift-image-registry/image-registry-certificates",
				"key " + key2 + " of configmap openshift-config-managed/image-registry-ca",
			},
		},
		{
			name: "a storage CA that can never fit leaves own entries as they are", storage: filler(maxSize),
			certs: []string{key1, key2}, reg: []string{key1, key2},
			errors: []string{
				"key storage-ca-bundle.pem of configmap openshift-image-registry/image-registry-certificates",
				"key " + key1 + " of configmap openshift-image-registry", "key " + key2 + " of configmap openshift-image-registry",
				"key " + key1 + " of configmap openshift-config-managed", "key " + key2 + " of configmap openshift-config-managed",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Merge(Inputs{
				ServiceCA: ca, Service: service(5000), Storage: StorageCA{Bundles: []string{tc.storage}},
				Additional: Additional{Name: "mine", ConfigMap: configMap(tc.user)},
			})
			if own := got.Certificates.Data[key1]; own != ca {
				t.Errorf("the own entry is %.60q…", own)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(tc.certs)), slices.Sorted(maps.Keys(got.Certificates.Data))); diff != "" {
				t.Errorf("keys of image-registry-certificates (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(tc.reg)), slices.Sorted(maps.Keys(got.RegistryCA.Data))); diff != "" {
				t.Errorf("keys of image-registry-ca (-want +got):\n%s", diff)
			}
			checkTexts(t, "errors", tc.errors, got.Errors)
			for name, content := range map[string]Content{"certificates": got.Certificates, "ca": got.RegistryCA} {
				size := 0
				for _, value := range content.Data {
					size += len(value)
				}
				if size > maxSize {
					t.Errorf("%s has %d bytes", name, size)
				}
			}
		})
	}
}
