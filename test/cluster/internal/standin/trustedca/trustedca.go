// Package trustedca stands in for the part of OpenShift's network operator that puts the cluster's trusted CA bundle into
// ConfigMaps that ask for it by label.
package trustedca

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const (
	// Label asks for the bundle.
	Label = "config.openshift.io/inject-trusted-cabundle"
	// BundleKey is where the bundle goes, and where the administrator's own CAs come from.
	BundleKey = "ca-bundle.crt"
	// SourceNamespace holds the ConfigMap that Proxy spec.trustedCA names.
	SourceNamespace = "openshift-config"

	proxyName = "cluster"
)

// errInvalid marks an administrator's bundle that cannot be used. Retrying does not help; editing it does.
var errInvalid = errors.New("invalid trusted CA")

type injector struct {
	*loop.Cluster
	system     []byte
	configMaps corelisters.ConfigMapLister
}

// New makes the stand-in. The system bundle is what every node would trust by itself.
func New(cluster *loop.Cluster, system []byte) (*loop.Controller, error) {
	if _, err := certificates(system); len(system) > 0 && err != nil {
		return nil, fmt.Errorf("system CA bundle: %w", err)
	}
	i := &injector{Cluster: cluster, system: system, configMaps: cluster.KubeInformers.Core().V1().ConfigMaps().Lister()}
	c := loop.New("trusted-ca", i.sync)
	if err := c.Watch(cluster.KubeInformers.Core().V1().ConfigMaps().Informer(), i.keys); err != nil {
		return nil, err
	}
	return c, c.Watch(cluster.DynamicInformers.ForResource(gvr.Proxies).Informer(), func(any) []string { return i.labelled() })
}

// keys: a labelled ConfigMap stands for itself, one in the source namespace for all labelled ones.
func (i *injector) keys(obj any) []string {
	configMap, ok := obj.(*corev1.ConfigMap)
	if !ok {
		return nil
	}
	var keys []string
	if _, ok := configMap.Labels[Label]; ok {
		keys = append(keys, configMap.Namespace+"/"+configMap.Name)
	}
	if configMap.Namespace == SourceNamespace {
		keys = append(keys, i.labelled()...)
	}
	return keys
}

func (i *injector) labelled() []string {
	wanted, err := labels.Parse(Label)
	if err != nil {
		return nil
	}
	configMaps, err := i.configMaps.List(wanted)
	if err != nil {
		return nil
	}
	var keys []string
	for _, c := range configMaps {
		keys = append(keys, c.Namespace+"/"+c.Name)
	}
	return keys
}

func (i *injector) sync(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	configMap, err := i.configMaps.ConfigMaps(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading configmap %s: %w", key, err)
	}
	switch value, ok := configMap.Labels[Label]; {
	case !ok:
		return nil
	case value != "true":
		i.Refuse(configMap, "UnknownTrustedCALabel", "label %s must be \"true\", not %q", Label, value)
		return nil
	}
	bundle, source, err := i.bundle()
	if errors.Is(err, errInvalid) {
		// As in a real cluster: what was injected before stays until the administrator's bundle is right.
		i.Refuse(source, "InvalidTrustedCA", "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	if configMap.Data[BundleKey] == string(bundle) {
		return nil
	}
	updated := configMap.DeepCopy()
	if updated.Data == nil {
		updated.Data = map[string]string{}
	}
	updated.Data[BundleKey] = string(bundle)
	if _, err := i.Kube.CoreV1().ConfigMaps(namespace).Update(ctx, updated, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("injecting the trusted CA bundle into configmap %s: %w", key, err)
	}
	return nil
}

// bundle joins the system's CAs with those the Proxy names. The object returned is where a fault would be.
func (i *injector) bundle() ([]byte, runtime.Object, error) {
	proxy, err := loop.Cached[configv1.Proxy](i.Cluster, gvr.Proxies, proxyName)
	if apierrors.IsNotFound(err) {
		return i.system, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	proxy.APIVersion, proxy.Kind = configv1.GroupVersion.String(), "Proxy"
	name := proxy.Spec.TrustedCA.Name
	if name == "" {
		return i.system, proxy, nil
	}
	source, err := i.configMaps.ConfigMaps(SourceNamespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil, proxy, fmt.Errorf("%w: configmap %s/%s does not exist", errInvalid, SourceNamespace, name)
	}
	if err != nil {
		return nil, proxy, fmt.Errorf("reading configmap %s/%s: %w", SourceNamespace, name, err)
	}
	bundle, err := merge(i.system, source)
	return bundle, proxy, err
}

func merge(system []byte, source *corev1.ConfigMap) ([]byte, error) {
	extra, err := certificates([]byte(source.Data[BundleKey]))
	if err != nil {
		return nil, fmt.Errorf("%w: configmap %s/%s key %s: %w", errInvalid, source.Namespace, source.Name, BundleKey, err)
	}
	joined := bytes.TrimRight(system, "\n")
	if len(joined) > 0 {
		joined = append(bytes.Clone(joined), '\n')
	}
	return append(joined, extra...), nil
}

// certificates checks that the data is certificates and nothing else, and writes them out evenly.
func certificates(data []byte) ([]byte, error) {
	var out []byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	if len(out) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return out, nil
}
