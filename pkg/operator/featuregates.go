package operator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	configv1 "github.com/openshift/api/config/v1"
	configlistersv1 "github.com/openshift/client-go/config/listers/config/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

const (
	// gateWait is how long the FeatureGate may take to list our version.
	gateWait = time.Minute
	// unreleasedVersion stands in the manifests until a release is built, and means that the version is unknown.
	unreleasedVersion = "0.0.1-snapshot"
)

// gateSet are the feature gates of one version, sorted.
type gateSet struct {
	enabled, disabled []string
}

func (s gateSet) equal(other gateSet) bool {
	return slices.Equal(s.enabled, other.enabled) && slices.Equal(s.disabled, other.disabled)
}

func (s gateSet) all() []string { return slices.Concat(s.enabled, s.disabled) }

// Enabled tells whether a gate is on. A gate that the cluster does not list is off.
func (s gateSet) Enabled(name string) bool {
	_, found := slices.BinarySearch(s.enabled, name)
	return found
}

// versionToLookUp is the version of our image, or, when that is unknown, the one the cluster is at.
func versionToLookUp(imageVersion string, cluster *configv1.ClusterVersion) string {
	if imageVersion != unreleasedVersion || cluster == nil {
		return imageVersion
	}
	if cluster.Status.Desired.Version != "" {
		return cluster.Status.Desired.Version
	}
	if len(cluster.Status.History) > 0 {
		return cluster.Status.History[0].Version
	}
	return imageVersion
}

// gatesFor finds the gates of a version; false means that the version is not listed (yet).
func gatesFor(gates *configv1.FeatureGate, version string) (gateSet, bool) {
	if gates == nil {
		return gateSet{}, false
	}
	for _, details := range gates.Status.FeatureGates {
		if details.Version == version {
			return gateSet{enabled: sortedNames(details.Enabled), disabled: sortedNames(details.Disabled)}, true
		}
	}
	return gateSet{}, false
}

func sortedNames(gates []configv1.FeatureGateAttributes) []string {
	sorted := make([]string, 0, len(gates))
	for _, gate := range gates {
		sorted = append(sorted, string(gate.Name))
	}
	slices.Sort(sorted)
	return sorted
}

// featureGates watches the gates of our version. A process has one set of gates from start to end: a change restarts
// it, so that no code has to cope with a gate that flips under it.
type featureGates struct {
	imageVersion string
	gates        configlistersv1.FeatureGateLister
	versions     configlistersv1.ClusterVersionLister
	recorder     events.Recorder
	// changed has room for one signal: what matters is that something happened since the last look.
	changed chan struct{}
}

func newFeatureGates(imageVersion string, gates configlistersv1.FeatureGateLister, versions configlistersv1.ClusterVersionLister, recorder events.Recorder) *featureGates {
	return &featureGates{imageVersion: imageVersion, gates: gates, versions: versions, recorder: recorder, changed: make(chan struct{}, 1)}
}

// handler wakes the watcher; it goes to both informers.
func (f *featureGates) handler() cache.ResourceEventHandler {
	wake := func() {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { wake() },
		UpdateFunc: func(any, any) { wake() },
		DeleteFunc: func(any) { wake() },
	}
}

func (f *featureGates) current() (gateSet, string, bool) {
	// An object that is not there is as good as one that says nothing: both listers fail in no other way.
	cluster, _ := f.versions.Get(names.ClusterVersion)
	gates, _ := f.gates.Get(names.Cluster)
	version := versionToLookUp(f.imageVersion, cluster)
	set, found := gatesFor(gates, version)
	return set, version, found
}

// wait returns the gates as soon as the cluster lists our version. A context that ends first is not an error: false.
func (f *featureGates) wait(ctx context.Context, c clock.Clock) (gateSet, bool, error) {
	timer := c.NewTimer(gateWait)
	defer timer.Stop()
	for {
		set, version, found := f.current()
		if found {
			f.recorder.Eventf("FeatureGatesInitialized", "Feature gates of version %s: %d enabled, %d disabled",
				version, len(set.enabled), len(set.disabled))
			return set, true, nil
		}
		select {
		case <-ctx.Done():
			return gateSet{}, false, nil
		case <-f.changed:
		case <-timer.C():
			return gateSet{}, false, fmt.Errorf("featuregates.config.openshift.io %s does not list version %q after %s", names.Cluster, version, gateWait)
		}
	}
}

// difference blocks until the gates differ from those we run with, and says how; "" when the context ends. A version
// that is listed no more says nothing about its gates.
func (f *featureGates) difference(ctx context.Context, initial gateSet) string {
	for {
		set, version, found := f.current()
		if found && !set.equal(initial) {
			message := fmt.Sprintf("feature gates of version %s changed: newly enabled %s; newly disabled %s; gone %s", version,
				list(without(set.enabled, initial.enabled)), list(without(set.disabled, initial.disabled)),
				list(without(initial.all(), set.all())))
			f.recorder.Event("FeatureGatesModified", message)
			return message
		}
		if !found {
			klog.V(2).Infof("FeatureGate %s does not list version %q any more", names.Cluster, version)
		}
		select {
		case <-ctx.Done():
			return ""
		case <-f.changed:
		}
	}
}

// without is what is in names and not in others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

func list(gates []string) string {
	if len(gates) == 0 {
		return "none"
	}
	return strings.Join(gates, ", ")
}
