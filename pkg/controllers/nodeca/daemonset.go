package nodeca

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
)

// Desired is the DaemonSet; image has the program.
func Desired(image string) *appsv1.DaemonSet {
	daemonSet := bindata.MustDecode[appsv1.DaemonSet]("nodeca/daemonset.yaml")
	daemonSet.Spec.Template.Spec.Containers[0].Image = image
	return daemonSet
}
