// Package versionoperator stands in for OpenShift's cluster version operator, as far as one operator's manifests need it: it
// applies a release in file-name order, keeps what it applied as it should be, and reports in the ClusterVersion.
package versionoperator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const (
	keyPoll = "look for a release"
	keySync = "apply the release"

	// pollInterval is how often release.json is looked at. It is one stat of a local file.
	pollInterval = 500 * time.Millisecond
	// syncInterval bounds how long a change can go unnoticed should its event be lost. It reads the cache only.
	syncInterval = 30 * time.Second
	// waitInterval is how soon to look again at what only needs time.
	waitInterval = 200 * time.Millisecond
	cacheTimeout = 10 * time.Second

	versionName = "version"
	clusterName = "cluster"
)

// Options say what is applied.
type Options struct {
	// Dir holds release.json and manifests/. It may be missing: then there is no release yet.
	Dir string
}

type operator struct {
	*loop.Cluster
	options Options
	clock   clock.PassiveClock
	loop    *loop.Controller

	file    fs.FileInfo // release.json as last read
	release *Release
	loadErr error

	watched map[schema.GroupVersionResource]bool
	// applied remembers each object's resourceVersion after a write and what was written, so that a manifest that the API
	// server normalises is not written again and again.
	applied map[string]record

	mu      sync.Mutex
	managed map[string]bool // keys whose changes matter; read by informers
}

// New makes the stand-in.
func New(cluster *loop.Cluster, o Options) (*loop.Controller, error) {
	v := &operator{
		Cluster: cluster,
		options: o,
		clock:   clock.RealClock{},
		watched: map[schema.GroupVersionResource]bool{},
		applied: map[string]record{},
		managed: map[string]bool{},
	}
	v.loop = loop.New("version-operator", v.sync)
	for _, input := range []schema.GroupVersionResource{gvr.ClusterVersions, gvr.Proxies, gvr.APIServers, gvr.FeatureGates} {
		if err := v.loop.Watch(cluster.DynamicInformers.ForResource(input).Informer(), loop.Always(keySync)); err != nil {
			return nil, err
		}
	}
	v.loop.Add(keyPoll)
	return v.loop, nil
}

func (v *operator) sync(ctx context.Context, key string) error {
	if key == keyPoll {
		v.loop.AddAfter(keyPoll, pollInterval)
		if v.poll() {
			v.loop.Add(keySync)
		}
		return nil
	}
	v.loop.AddAfter(keySync, syncInterval)
	if v.release == nil && v.loadErr == nil {
		return nil
	}
	version, err := loop.Cached[configv1.ClusterVersion](v.Cluster, gvr.ClusterVersions, versionName)
	if err != nil {
		return err
	}
	p := &progress{rejected: v.loadErr}
	if v.release != nil {
		// The version is announced before anything is applied: feature gates are listed for it in the meantime. A release
		// that was accepted goes on being kept in place when the payload on disk is not acceptable.
		announced := version.DeepCopy()
		begin(&announced.Status, v.release.Version, v.clock.Now())
		if version, err = v.writeStatus(ctx, version, announced); err != nil {
			return err
		}
		v.roll(ctx, version, p)
	}
	return v.conclude(ctx, version, p)
}

// conclude reports a pass and plans the next one.
func (v *operator) conclude(ctx context.Context, version *configv1.ClusterVersion, p *progress) error {
	reported := version.DeepCopy()
	p.report(reported, v.clock.Now())
	if err := p.failing(); err != nil && failingMessage(version) != err.Error() {
		v.refuse(version, err)
	}
	if _, err := v.writeStatus(ctx, version, reported); err != nil {
		return err
	}
	if p.waiting != nil {
		v.loop.AddAfter(keySync, waitInterval)
	}
	return p.failed // a payload or manifest that is wrong is looked at again when it changes
}

// poll reads the release when its file changed.
func (v *operator) poll() bool {
	info, err := os.Stat(filepath.Join(v.options.Dir, releaseFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil && v.file != nil && os.SameFile(info, v.file) && info.ModTime().Equal(v.file.ModTime()) && info.Size() == v.file.Size() {
		return false
	}
	if err != nil {
		changed := v.loadErr == nil || v.loadErr.Error() != err.Error()
		v.loadErr = err
		return changed
	}
	v.file = info
	release, err := Load(v.options.Dir)
	v.loadErr = err
	if err == nil {
		v.release = release
		klog.InfoS("Read a release", "version", release.Version, "objects", len(release.Manifests))
	}
	return true
}

// roll applies the release and notes how far it came.
func (v *operator) roll(ctx context.Context, version *configv1.ClusterVersion, p *progress) {
	objects, err := v.prepare(version)
	if err != nil {
		p.invalid = err
		return
	}
	p.total = len(objects)
	v.manage(objects)
	for _, m := range objects {
		switch err := v.apply(ctx, m); {
		case errors.Is(err, errNotYet), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
			p.waiting = fmt.Errorf("%s: %w", m, err)
		case err != nil:
			p.failed = fmt.Errorf("%s: %w", m, err)
		}
		if p.waiting != nil || p.failed != nil {
			return // the order is a promise: what comes later may need this
		}
		p.done++
	}
	p.operators = v.waitFor(objects)
}

// prepare selects the objects this cluster takes and injects the cluster's settings.
func (v *operator) prepare(version *configv1.ClusterVersion) ([]Manifest, error) {
	s, err := v.selection(version)
	if err != nil {
		return nil, err
	}
	proxy, err := loop.Cached[configv1.Proxy](v.Cluster, gvr.Proxies, clusterName)
	if err != nil {
		return nil, err
	}
	server, err := loop.Cached[configv1.APIServer](v.Cluster, gvr.APIServers, clusterName)
	if err != nil {
		return nil, err
	}
	var out []Manifest
	var errs []error
	for _, m := range v.release.Manifests {
		included, err := s.includes(m.Object)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m, err))
			continue
		}
		if !included {
			continue
		}
		m.Object = m.Object.DeepCopy()
		if err := errors.Join(injectProxy(m.Object, proxy.Status), injectTLS(m.Object, server.Spec.TLSSecurityProfile)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m, err))
		}
		out = append(out, m)
	}
	return out, errors.Join(errs...)
}

func (v *operator) selection(version *configv1.ClusterVersion) (selection, error) {
	gate, err := loop.Cached[configv1.FeatureGate](v.Cluster, gvr.FeatureGates, clusterName)
	if err != nil {
		return selection{}, err
	}
	s := selection{profile: v.release.Profile, featureSet: string(gate.Spec.FeatureSet)}
	if s.featureSet == "" {
		s.featureSet = "Default" // how manifests spell the empty one
	}
	for _, c := range version.Status.Capabilities.EnabledCapabilities {
		s.enabled = append(s.enabled, string(c))
	}
	for _, c := range version.Status.Capabilities.KnownCapabilities {
		s.known = append(s.known, string(c))
	}
	return s, nil
}

// manage makes the changes of these objects count.
func (v *operator) manage(objects []Manifest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.managed)
	for _, m := range objects {
		v.managed[m.key()] = true
	}
}

// syncIfManaged is asked by informers.
func (v *operator) syncIfManaged(resource schema.GroupVersionResource) func(obj any) []string {
	return func(obj any) []string {
		u, ok := obj.(*unstructured.Unstructured)
		if !ok {
			return nil
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.managed[objectKey(resource, u.GetNamespace(), u.GetName())] {
			return []string{keySync}
		}
		return nil
	}
}

func objectKey(resource schema.GroupVersionResource, namespace, name string) string {
	return strings.Join([]string{resource.String(), namespace, name}, "|")
}

func (v *operator) refuse(version *configv1.ClusterVersion, err error) {
	obj, convertErr := loop.Unstructured(version)
	if convertErr != nil {
		klog.ErrorS(err, "The release cannot be applied")
		return
	}
	v.Refuse(obj, "ReleaseNotApplied", "%v", err)
}
