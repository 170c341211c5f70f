package storage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
)

// Class is a storage class that a claim for the registry could be made of.
type Class struct {
	Name, Provisioner string
	// Default tells that a claim which names no class is made of it.
	Default bool
}

// maxClasses bounds the list in a condition.
const maxClasses = 5

// The patches that advice is about.
const (
	claimPatch  = `{"spec":{"managementState":"Managed","storage":{"pvc":{"claim":""}}}}`
	givenPatch  = `{"spec":{"managementState":"Managed","replicas":1,"rolloutStrategy":"Recreate","storage":{"pvc":{"claim":"NAME"}}}}`
	folderPatch = `{"spec":{"managementState":"Managed","storage":{"emptyDir":{}}}}`
)

// command is what an administrator types.
func command(patch string) string {
	return "oc patch configs.imageregistry.operator.openshift.io/cluster --type merge -p '" + patch + "'"
}

// Advice says what the registry could keep images in on a platform that offers nothing itself, and what to type for it.
func Advice(platform configv1.PlatformType, classes []Class) string {
	candidates := "Candidates: "
	if len(classes) > 0 {
		candidates += "a PersistentVolumeClaim of " + describeClasses(classes) + "; "
	} else {
		candidates += "a PersistentVolumeClaim on a volume of yours (the cluster has no storage class); "
	}
	candidates += "an S3-compatible object store (spec.storage.s3); for trials emptyDir, whose images are lost with the pod. "
	text := fmt.Sprintf("Platform %s has no storage of its own for the registry. %s", cmp.Or(string(platform), "unknown"), candidates)
	given := "With a claim of yours in place of NAME: " + command(givenPatch)
	if slices.ContainsFunc(classes, func(c Class) bool { return c.Default }) {
		return text + "With a new claim of the default class, which has to offer ReadWriteMany: " + command(claimPatch) + " . " + given
	}
	return text + "For a trial: " + command(folderPatch) + " . " + given
}

// describeClasses names the default class first, which is the one that needs no further decision.
func describeClasses(classes []Class) string {
	classes = slices.Clone(classes)
	slices.SortFunc(classes, func(a, b Class) int {
		if a.Default != b.Default {
			if a.Default {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	more := ""
	if len(classes) > maxClasses {
		classes, more = classes[:maxClasses], fmt.Sprintf(" and %d more", len(classes)-maxClasses)
	}
	texts := make([]string, len(classes))
	for i, class := range classes {
		note := class.Provisioner
		if class.Default {
			note += ", the default"
		}
		texts[i] = fmt.Sprintf("%s (%s)", class.Name, note)
	}
	return "storage class " + strings.Join(texts, ", ") + more
}
