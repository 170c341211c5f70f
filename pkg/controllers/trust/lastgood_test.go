package trust

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/synctest"
)

// A Service that somebody deleted comes back in a moment: nobody may stop trusting the registry meanwhile.
func TestMergeKeepsOwnEntriesWhileTheServiceIsMissing(t *testing.T) {
	ca, store, user := newCertificate(t), newCertificate(t), newCertificate(t)
	published := configMap(data{key1: ca + "\n" + store, key2: ca + "\n" + store, storageKey: store, "a": user})
	for _, tc := range []struct {
		name    string
		managed bool
		want    data
	}{
		{"of a managed registry", true, data{key1: ca + "\n" + store, key2: ca + "\n" + store, storageKey: store}},
		{"without a registry they go", false, data{storageKey: store}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Merge(Inputs{Managed: tc.managed, ServiceCA: ca, Storage: StorageCA{Bundles: []string{store}}, Published: published})
			if diff := cmp.Diff(tc.want, data(got.Certificates.Data), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
			}
			if _, found := got.RegistryCA.Data[key1]; found != tc.managed {
				t.Errorf("image-registry-ca is %v", got.RegistryCA.Data)
			}
		})
	}
}

// A source that has lost its certificates keeps what was published of it, and costs no other.
func TestMergeKeepsTheLastGood(t *testing.T) {
	ca, user, other, store := newCertificate(t), newCertificate(t), newCertificate(t), newCertificate(t)
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	own := data{key1: ca, key2: ca}
	mine := func(d data, b map[string][]byte) Additional {
		return Additional{Name: "mine", ConfigMap: &corev1.ConfigMap{Data: d, BinaryData: b}}
	}
	with := func(more data) data {
		all := data{key1: ca, key2: ca}
		for key, value := range more {
			all[key] = value
		}
		return all
	}
	for _, tc := range []struct {
		name     string
		in       Inputs
		want     data
		binary   map[string][]byte
		warnings []string
	}{
		{
			name: "a key that became text", in: Inputs{Additional: mine(data{"a..5000": "oops", "b": other}, nil), Published: configMap(data{"a..5000": user})},
			want: with(data{"a..5000": user, "b": other}), warnings: []string{"key a..5000 of configmap openshift-config/mine: no PEM encoded certificate in it; what was published of it before stays"},
		},
		{
			name: "a key whose certificate was cut", in: Inputs{Additional: mine(data{"a": user[:len(user)/2]}, nil), Published: configMap(data{"a": user})},
			want: with(data{"a": user}), warnings: []string{"key a of configmap openshift-config/mine: no PEM encoded certificate in it; what was published"},
		},
		{
			name: "a key whose certificate does not parse", in: Inputs{Additional: mine(data{"a": broken}, nil), Published: configMap(data{"a": user})},
			want: with(data{"a": user}), warnings: []string{"key a of configmap openshift-config/mine: certificate 1 does not parse: "},
		},
		{
			name: "a binary key", in: Inputs{Additional: mine(nil, map[string][]byte{"a": {0xff}}), Published: &corev1.ConfigMap{BinaryData: map[string][]byte{"a": []byte(user)}}},
			want: own, binary: map[string][]byte{"a": []byte(user)}, warnings: []string{"key a of configmap openshift-config/mine: no PEM"},
		},
		{
			name: "one good certificate is enough for an edit to count", in: Inputs{Additional: mine(data{"a": other + broken}, nil), Published: configMap(data{"a": user})},
			want: with(data{"a": other + broken}), warnings: []string{"key a of configmap openshift-config/mine: certificate 2 does not parse"},
		},
		{
			name: "a key that was emptied", in: Inputs{Additional: mine(data{"a": "\n"}, nil), Published: configMap(data{"a": user})},
			want: with(data{"a": ""}), warnings: []string{"key a of configmap openshift-config/mine: no PEM encoded certificate in it"},
		},
		{
			name: "a key that was taken away", in: Inputs{Additional: mine(data{"b": other}, nil), Published: configMap(data{"a": user})},
			want: with(data{"b": other}),
		},
		{
			name: "text that was never better", in: Inputs{Additional: mine(data{"a": "new text"}, nil), Published: configMap(data{"a": "text"})},
			want: with(data{"a": "new text"}), warnings: []string{"key a of configmap openshift-config/mine: no PEM encoded certificate in it"},
		},
		{
			name: "a service CA that became text", in: Inputs{ServiceCA: "oops", Published: configMap(own)},
			want: own, warnings: []string{"key service-ca.crt of configmap openshift-image-registry/serviceca: no PEM encoded certificate in it; what was published of it before stays"},
		},
		{
			name: "a storage CA that became text", in: Inputs{Storage: StorageCA{Bundles: []string{"oops"}}, DisableRedirect: true, Published: configMap(data{storageKey: store})},
			want: with(data{storageKey: store}), warnings: []string{"the CA bundle of the storage: no PEM encoded certificate in it; what was published of it before stays"},
		},
		{
			name: "a key that names no registry is published and named, for nodes leave it out", in: Inputs{Additional: mine(data{"a..b..5000": user, "my_ca": user}, nil)},
			want: with(data{"a..b..5000": user, "my_ca": user}), warnings: []string{
				"key a..b..5000 of configmap openshift-config/mine is no HOST or HOST..PORT: the registry trusts it, nodes do not",
				"key my_ca of configmap openshift-config/mine is no HOST or HOST..PORT",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.in
			if in.Service = service(5000); in.ServiceCA == "" {
				in.ServiceCA = ca
			}
			got := Merge(in)
			if diff := cmp.Diff(Content{tc.want, tc.binary}, got.Certificates, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("image-registry-certificates (-want +got):\n%s", diff)
			}
			if got.RegistryCA.Data[key1] != ca {
				t.Errorf("image-registry-ca has %q", got.RegistryCA.Data[key1])
			}
			checkTexts(t, "errors", nil, got.Errors)
			checkTexts(t, "warnings", tc.warnings, got.Warnings)
			// What was kept is kept again.
			in.Published = &corev1.ConfigMap{Data: got.Certificates.Data, BinaryData: got.Certificates.BinaryData}
			if diff := cmp.Diff(got, Merge(in), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("merging once more (-first +second):\n%s", diff)
			}
		})
	}
}

// An entry that has grown too large stays as it was, if that fits.
func TestMergeKeepsWhatFittedBefore(t *testing.T) {
	ca := newCertificate(t)
	filler := func(size int) string { return strings.Repeat("x", size) }
	for _, tc := range []struct {
		name      string
		user      data
		published *corev1.ConfigMap
		want      string
		binary    bool
		text      string
	}{
		{name: "its smaller former self", user: data{"big": filler(maxSize)}, published: configMap(data{"big": "old"}), want: "old", text: "key big of configmap openshift-image-registry/image-registry-certificates"},
		{name: "a binary former self", user: data{"big": filler(maxSize)}, published: &corev1.ConfigMap{BinaryData: map[string][]byte{"big": []byte("old")}}, want: "old", binary: true},
		{name: "not one that does not fit either", user: data{"big": filler(maxSize), "small": filler(maxSize / 2)}, published: configMap(data{"big": filler(maxSize / 2)})},
		{name: "nothing was published", user: data{"big": filler(maxSize)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := Inputs{ServiceCA: ca, Service: service(5000), Additional: Additional{Name: "mine", ConfigMap: configMap(tc.user)}, Published: tc.published}
			got := Merge(in)
			value := got.Certificates.Data["big"]
			if tc.binary {
				value = string(got.Certificates.BinaryData["big"])
			}
			if value != tc.want || got.Certificates.Data[key1] != ca {
				t.Errorf("big has %.20q, the own entry %.20q", value, got.Certificates.Data[key1])
			}
			if len(got.Errors) != 1 || !strings.HasPrefix(got.Errors[0], tc.text) || strings.HasSuffix(got.Errors[0], "; what was published of it before stays") != (tc.want != "") {
				t.Errorf("errors %q", got.Errors)
			}
		})
	}
}

// The service CA rotates whatever state the administrator's sources are in.
func TestRotationOfTheServiceCAIsNeverHeldUp(t *testing.T) {
	old, rotated, user := newCertificate(t), newCertificate(t), newCertificate(t)
	huge := user + strings.Repeat("#", maxSize)
	for _, tc := range []struct {
		name string
		maps []*corev1.ConfigMap
		// bucket is one whose CA bundle is an error.
		bucket string
		status operatorv1.ConditionStatus
		named  string
	}{
		{name: "the map is missing", status: "True", named: "openshift-config/mine"},
		{name: "a key is text", maps: []*corev1.ConfigMap{stored("openshift-config", "mine", data{"r.example.com": "text"})}, status: "False", named: "key r.example.com"},
		{name: "a key is far too large", maps: []*corev1.ConfigMap{stored("openshift-config", "mine", data{"r.example.com": huge})}, status: "True", named: "key r.example.com"},
		{name: "the storage's CA cannot be had", maps: []*corev1.ConfigMap{stored("openshift-config", "mine", data{"r.example.com": user})}, bucket: "unknown", status: "True", named: "no bundle for unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, configIn(operatorv1.Managed, tc.bucket, tc.bucket), service(5000), injected(rotated), imageNaming("mine"),
				stored(here, "image-registry-certificates", data{key1: old, key2: old, "r.example.com": user}), stored(managed, "image-registry-ca", data{key1: old, key2: old}))
			for _, m := range tc.maps {
				synctest.Must(t, h.client.Tracker().Add(m))
			}
			h.refresh(t)
			_, err := h.run(t)
			synctest.Must(t, err)
			want := data{key1: rotated, key2: rotated, "r.example.com": user}
			if diff := cmp.Diff(want, h.get(t, here, "image-registry-certificates").Data); diff != "" {
				t.Errorf("image-registry-certificates (-want +got):\n%.2000s", diff)
			}
			if diff := cmp.Diff(data{key1: rotated, key2: rotated}, h.get(t, managed, "image-registry-ca").Data); diff != "" {
				t.Errorf("image-registry-ca (-want +got):\n%s", diff)
			}
			config, err := h.config.Config()
			synctest.Must(t, err)
			for _, condition := range config.Status.Conditions {
				if condition.Type == "ImageRegistryCertificatesControllerDegraded" && (condition.Status != tc.status || !strings.Contains(condition.Message, tc.named)) {
					t.Errorf("condition %s: %s", condition.Status, condition.Message)
				}
			}
			h.refresh(t)
			writes, err := h.run(t)
			if err != nil || len(writes)+len(h.config.Writes()) > 0 {
				t.Errorf("second sync wrote %v and %v, error %v", writes, h.config.Writes(), err)
			}
		})
	}
}
