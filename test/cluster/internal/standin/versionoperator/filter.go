package versionoperator

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Profiles of a cluster.
const (
	ProfileSelfManaged         = "self-managed-high-availability"
	ProfileSingleNodeDeveloper = "single-node-developer"
	ProfileHypershift          = "hypershift"
	ProfileIBMCloudManaged     = "ibm-cloud-managed"
)

const (
	includePrefix        = "include.release.openshift.io/"
	excludePrefix        = "exclude.release.openshift.io/"
	releasePrefix        = "release.openshift.io/"
	injectPrefix         = "config.openshift.io/inject-"
	capabilityAnnotation = "capability.openshift.io/name"

	createOnly     = releasePrefix + "create-only"
	deleteManifest = releasePrefix + "delete"
	featureSet     = releasePrefix + "feature-set"

	injectProxyAnnotation = injectPrefix + "proxy"
	injectTLSAnnotation   = injectPrefix + "tls"
)

// DefaultProfile is the one of clusters that manage themselves, whatever their size: a real single-node cluster uses it
// too, and the CRDs of the payload are annotated for no smaller one.
const DefaultProfile = ProfileSelfManaged

var knownProfiles = []string{ProfileSelfManaged, ProfileSingleNodeDeveloper, ProfileHypershift, ProfileIBMCloudManaged}

// CheckProfile refuses what no manifest can include.
func CheckProfile(profile string) error {
	if !slices.Contains(knownProfiles, profile) {
		return fmt.Errorf("profile %q is not known, only %s", profile, strings.Join(knownProfiles, ", "))
	}
	return nil
}

// selection is what a cluster takes from a release.
type selection struct {
	profile    string
	featureSet string
	enabled    []string // capabilities
	known      []string
}

// includes tells whether the cluster takes an object. An object that does not say who takes it, or says something this
// operator does not understand, is an error.
func (s selection) includes(obj *unstructured.Unstructured) (bool, error) {
	if err := checkAnnotations(obj); err != nil {
		return false, err
	}
	if !slices.Contains(profilesOf(obj), s.profile) {
		return false, nil
	}
	annotations := obj.GetAnnotations()
	if sets, ok := annotations[featureSet]; ok && !slices.Contains(strings.Split(sets, ","), s.featureSet) {
		return false, nil
	}
	capabilities, ok := annotations[capabilityAnnotation]
	if !ok {
		return true, nil
	}
	included := true
	for part := range strings.SplitSeq(capabilities, "+") {
		if !slices.Contains(s.known, part) {
			return false, fmt.Errorf("annotation %s: capability %q is not known", capabilityAnnotation, part)
		}
		included = included && slices.Contains(s.enabled, part)
	}
	return included, nil
}

// profilesOf lists the profiles an object is for.
func profilesOf(obj *unstructured.Unstructured) []string {
	var out []string
	for key, value := range obj.GetAnnotations() {
		if profile, ok := strings.CutPrefix(key, includePrefix); ok && value == "true" {
			out = append(out, profile)
		}
	}
	sort.Strings(out)
	return out
}

func checkAnnotations(obj *unstructured.Unstructured) error {
	var errs []error
	annotations := obj.GetAnnotations()
	include := false
	for key, value := range annotations {
		var err error
		if profile, ok := strings.CutPrefix(key, includePrefix); ok {
			include = true
			err = checkInclude(key, profile, value)
		} else {
			err = checkInstruction(key, value, obj.GetKind())
		}
		errs = append(errs, err)
	}
	if !include {
		errs = append(errs, fmt.Errorf("no annotation %s*: nobody takes it", includePrefix))
	}
	if annotations[createOnly] == "true" && annotations[deleteManifest] == "true" {
		errs = append(errs, errors.New("both create-only and delete"))
	}
	return errors.Join(errs...)
}

func checkInclude(key, profile, value string) error {
	if !slices.Contains(knownProfiles, profile) {
		return fmt.Errorf("annotation %s: profile %q is not known", key, profile)
	}
	return mustBeTrue(key, value)
}

// checkInstruction refuses annotations addressed to the version operator that this one does not carry out.
func checkInstruction(key, value, kind string) error {
	switch {
	case key == createOnly || key == deleteManifest:
		return mustBeTrue(key, value)
	case key == featureSet:
		return nil
	case key == injectProxyAnnotation:
		if kind != "Deployment" {
			return fmt.Errorf("annotation %s on a %s, only a Deployment is known", key, kind)
		}
		return nil
	case key == injectTLSAnnotation:
		if kind != "ConfigMap" {
			return fmt.Errorf("annotation %s on a %s, only a ConfigMap is known", key, kind)
		}
		return mustBeTrue(key, value)
	case strings.HasPrefix(key, releasePrefix), strings.HasPrefix(key, excludePrefix), strings.HasPrefix(key, injectPrefix):
		return fmt.Errorf("annotation %s is not known to this version operator", key)
	}
	return nil
}

func mustBeTrue(key, value string) error {
	if value != "true" {
		return fmt.Errorf("annotation %s: %q, must be \"true\"", key, value)
	}
	return nil
}
