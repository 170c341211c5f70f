package storage

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
)

func TestSnapshot(t *testing.T) {
	in := Inputs{
		Coordinates: Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b", Region: "r"}},
		Infrastructure: &configv1.Infrastructure{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster", ResourceVersion: "12"},
			Status:     configv1.InfrastructureStatus{InfrastructureName: "infra"},
		},
		UserSecret: &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "user", ResourceVersion: "3", UID: "u"}, Data: map[string][]byte{"k": []byte("v")},
		},
		Version: "1",
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			if name == "none" {
				return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
			}
			return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, ResourceVersion: "4"}, Data: map[string]string{"a": name}}, nil
		},
	}
	failed := errors.New("no client")
	taken, err := TakeSnapshot(in, func(in Inputs) error {
		for _, name := range []string{"ca", "none", "ca"} {
			_, _ = in.ConfigMap("ns", name)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("the error of the reader is %v", err)
	}
	text, err := json.Marshal(taken)
	if err != nil {
		t.Fatal(err)
	}
	var read Snapshot
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	out := read.Inputs()
	if !reflect.DeepEqual(out.Coordinates, in.Coordinates) || out.Infrastructure.Status.InfrastructureName != "infra" || out.Version != "1" {
		t.Errorf("restored %+v", out)
	}
	if out.UserSecret.Name != "user" || string(out.UserSecret.Data["k"]) != "v" || out.UserSecret.ResourceVersion != "" || out.MintedSecret != nil {
		t.Errorf("restored secrets %+v, %+v", out.UserSecret, out.MintedSecret)
	}
	if found, err := out.ConfigMap("ns", "ca"); err != nil || found.Data["a"] != "ca" || len(read.ConfigMaps) != 1 {
		t.Errorf("restored config map %v, %v of %d", found, err, len(read.ConfigMaps))
	}
	for _, name := range []string{"none", "never-read"} {
		if _, err := out.ConfigMap("ns", name); !apierrors.IsNotFound(err) {
			t.Errorf("config map %s: %v", name, err)
		}
	}
}
