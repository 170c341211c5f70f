package nodeca

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/bindata"
)

// Desired is the DaemonSet; image has the program.
func Desired(image string) *appsv1.DaemonSet {
	daemonSet := &appsv1.DaemonSet{}
	if err := yaml.UnmarshalStrict(bindata.MustAsset("nodeca/daemonset.yaml"), daemonSet); err != nil {
		panic(fmt.Sprintf("embedded daemonset.yaml: %v", err)) // a mistake of the build, found by every test
	}
	daemonSet.Spec.Template.Spec.Containers[0].Image = image
	return daemonSet
}
