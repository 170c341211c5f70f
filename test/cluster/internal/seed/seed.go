// Package seed makes a bare Kubernetes look like an installed OpenShift cluster, as far as the registry operator reads it:
// CRDs, namespaces, and the cluster's configuration objects.
package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"

	corev1 "k8s.io/api/core/v1"
)

// fieldManager owns what the seed writes. Applying again restores exactly that and leaves the rest alone.
const fieldManager = "cluster-seed"

// Defaults.
const (
	DefaultVersion    = "4.22.0"
	DefaultRegion     = "us-east-1"
	DefaultBaseDomain = "cluster.test"
	DefaultName       = "cluster"
	DefaultCapacity   = "10Gi"
)

// Options describe the cluster to pretend.
type Options struct {
	// Name is the infrastructure name, from which operators make the names of cloud resources.
	Name string
	// Platform is the cloud; empty: AWS.
	Platform configv1.PlatformType
	// Region is the cloud's region, where it has one.
	Region string
	// PlatformStatus replaces the whole platform status that Platform and Region would give.
	PlatformStatus *configv1.PlatformStatus
	// Topology is of control plane and infrastructure; empty: SingleReplica.
	Topology configv1.TopologyMode
	// S3 is the cluster's object storage, for platform AWS.
	S3 S3
	// BaseDomain is the cluster's DNS domain; Routes live under apps.<BaseDomain>.
	BaseDomain string
	// APIServerURL and APIServerInternalURL are what the Infrastructure says; they are not dialled.
	APIServerURL, APIServerInternalURL string
	// Version is what the cluster was installed as.
	Version string
	// Architecture of the release: empty, or Multi.
	Architecture configv1.ClusterVersionArchitecture
	// DisabledCapabilities are left out of the enabled ones.
	DisabledCapabilities []configv1.ClusterVersionCapability
	// LocalVolumes become PersistentVolumes of StorageClass "local". Without any there is no StorageClass.
	LocalVolumes []LocalVolume
}

// S3 is an S3 endpoint that is not Amazon's.
type S3 struct {
	// Endpoint is the URL of the service; empty: Amazon's own.
	Endpoint string
	// STSEndpoint is the URL of the service that gives roles to those who have a token.
	STSEndpoint string
	// CABundle signs the certificate of both.
	CABundle []byte
}

// LocalVolume is a folder of a node.
type LocalVolume struct {
	Name     string
	Path     string
	Node     string
	Capacity string
	// AccessModes; empty: ReadWriteOnce and ReadWriteMany.
	AccessModes []corev1.PersistentVolumeAccessMode
}

func (o Options) withDefaults() Options {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.Name, DefaultName)
	set((*string)(&o.Platform), string(configv1.AWSPlatformType))
	set(&o.Region, DefaultRegion)
	set((*string)(&o.Topology), string(configv1.SingleReplicaTopologyMode))
	set(&o.BaseDomain, DefaultBaseDomain)
	set(&o.APIServerURL, "https://api."+o.BaseDomain+":6443")
	set(&o.APIServerInternalURL, "https://api-int."+o.BaseDomain+":6443")
	set(&o.Version, DefaultVersion)
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.S3.Endpoint != "" && o.Platform != configv1.AWSPlatformType {
		errs = append(errs, fmt.Errorf("an S3 endpoint is for platform %s, not %s", configv1.AWSPlatformType, o.Platform))
	}
	if o.PlatformStatus != nil && o.PlatformStatus.Type != o.Platform {
		errs = append(errs, fmt.Errorf("platform status is of %s, platform is %s", o.PlatformStatus.Type, o.Platform))
	}
	for _, c := range o.DisabledCapabilities {
		if !slices.Contains(configv1.KnownClusterVersionCapabilities, c) {
			errs = append(errs, fmt.Errorf("capability %q is not known", c))
		}
	}
	for _, v := range o.LocalVolumes {
		if v.Name == "" || v.Path == "" || v.Node == "" {
			errs = append(errs, fmt.Errorf("local volume %q: name, path and node are required", v.Name))
		}
	}
	return errors.Join(errs...)
}

type seeder struct {
	options Options
	dynamic dynamic.Interface
	clock   clock.PassiveClock
}

// Apply writes everything. It may be run again; what others wrote in between survives, unless it is a field of the seed's.
func Apply(ctx context.Context, cfg *rest.Config, o Options) error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return fmt.Errorf("seed options: %w", err)
	}
	cfg = rest.AddUserAgent(rest.CopyConfig(cfg), fieldManager)
	cfg.QPS, cfg.Burst = 100, 200
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("making a client for the seed: %w", err)
	}
	s := &seeder{options: o, dynamic: client, clock: clock.RealClock{}}
	for _, step := range []func(context.Context) error{
		s.applyCRDs, s.applyNamespaces, s.applyConfiguration, s.applyInputs, s.applyVersion, s.applyVolumes,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("seeding the cluster: %w", err)
		}
	}
	return nil
}

// servedSoon bounds the time between a CRD being established and its resource being served.
var servedSoon = wait.Backoff{Duration: 20 * time.Millisecond, Factor: 1.5, Steps: 14, Cap: 5 * time.Second}

// apply writes the fields of an object, all but its status.
func (s *seeder) apply(ctx context.Context, resource schema.GroupVersionResource, obj *unstructured.Unstructured) error {
	return s.write(ctx, resource, obj)
}

// applyStatus writes the fields of an object's status.
func (s *seeder) applyStatus(ctx context.Context, resource schema.GroupVersionResource, obj *unstructured.Unstructured) error {
	return s.write(ctx, resource, obj, "status")
}

func (s *seeder) write(ctx context.Context, resource schema.GroupVersionResource, obj *unstructured.Unstructured, sub ...string) error {
	client := dynamic.ResourceInterface(s.dynamic.Resource(resource))
	if ns := obj.GetNamespace(); ns != "" {
		client = s.dynamic.Resource(resource).Namespace(ns)
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	var err error
	// OnError takes a request's time-out for the end of its own patience and returns the error before it, here nil. A CRD
	// that was missing for that reason was waited for without end.
	_ = retry.OnError(servedSoon, apierrors.IsNotFound, func() error {
		_, err = client.Apply(ctx, obj.GetName(), obj, options, sub...)
		return err
	})
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", obj.GetKind(), strings.TrimPrefix(obj.GetNamespace()+"/"+obj.GetName(), "/"), err)
	}
	return nil
}

func singular(kind string) string { return strings.ToLower(kind) }
