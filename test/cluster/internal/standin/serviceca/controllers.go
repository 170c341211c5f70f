package serviceca

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

type signer struct {
	*loop.Cluster
	options    Options
	clock      clock.PassiveClock
	ca         *authority
	bundle     []byte
	services   corelisters.ServiceLister
	secrets    corelisters.SecretLister
	configMaps corelisters.ConfigMapLister
	serving    *loop.Controller
}

// New makes the stand-in's two loops: serving certificates for Services, and the CA for ConfigMaps.
func New(ctx context.Context, cluster *loop.Cluster, o Options) ([]*loop.Controller, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &signer{
		Cluster:    cluster,
		options:    o,
		clock:      clock.RealClock{},
		services:   cluster.KubeInformers.Core().V1().Services().Lister(),
		secrets:    cluster.KubeInformers.Core().V1().Secrets().Lister(),
		configMaps: cluster.KubeInformers.Core().V1().ConfigMaps().Lister(),
	}
	if s.ca, s.bundle, err = ensureAuthority(ctx, cluster.Kube, o, s.clock.Now()); err != nil {
		return nil, err
	}
	s.serving = loop.New("service-ca-serving", s.syncService)
	if err := s.serving.Watch(cluster.KubeInformers.Core().V1().Services().Informer(), loop.Key); err != nil {
		return nil, err
	}
	if err := s.serving.Watch(cluster.KubeInformers.Core().V1().Secrets().Informer(), s.servicesNaming); err != nil {
		return nil, err
	}
	inject := loop.New("service-ca-inject", s.syncConfigMap)
	if err := inject.Watch(cluster.KubeInformers.Core().V1().ConfigMaps().Informer(), loop.Key); err != nil {
		return nil, err
	}
	return []*loop.Controller{s.serving, inject}, nil
}

// servicesNaming finds the Services that ask for a Secret: one that is deleted or damaged is made again at once.
func (s *signer) servicesNaming(obj any) []string {
	secret, ok := obj.(*corev1.Secret)
	if !ok {
		return nil
	}
	services, err := s.services.Services(secret.Namespace).List(labels.Everything())
	if err != nil {
		return nil
	}
	var keys []string
	for _, service := range services {
		if name, err := wantedSecret(service.Annotations); err == nil && name == secret.Name {
			keys = append(keys, service.Namespace+"/"+service.Name)
		}
	}
	return keys
}

func (s *signer) syncService(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	service, err := s.services.Services(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil // its Secret goes with it, by owner reference
	}
	if err != nil {
		return fmt.Errorf("reading service %s: %w", key, err)
	}
	if strange := unknown(service.Annotations, knownOnServices); len(strange) > 0 {
		s.Refuse(service, "UnknownServiceCAAnnotation", "annotations %v mean nothing on a Service", strange)
	}
	secretName, err := wantedSecret(service.Annotations)
	if err != nil {
		return s.fail(ctx, service, err.Error())
	}
	if secretName == "" {
		return nil
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return s.fail(ctx, service, "a service of type ExternalName has no name inside the cluster to certify")
	}
	secret, err := s.secrets.Secrets(namespace).Get(secretName)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading secret %s/%s: %w", namespace, secretName, err)
	}
	names := subjectNames(service, s.options.ClusterDomain)
	v := judge(service, secret, s.ca, names, s.clock.Now(), s.options.Margin)
	switch {
	case v.refuse != "":
		return s.fail(ctx, service, v.refuse)
	case v.issue:
		klog.InfoS("Issuing a serving certificate", "service", key, "secret", secretName, "because", v.reason)
		return s.write(ctx, service, secret, secretName, names)
	}
	s.serving.AddAfter(key, v.again)
	return s.annotate(ctx, service, "")
}

// fail says on the Service why it gets no certificate. Nothing is retried: a change of the Service or the Secret is.
func (s *signer) fail(ctx context.Context, service *corev1.Service, message string) error {
	if annotated(service.Annotations, generationErr) != message {
		s.Refuse(service, "ServingCertFailed", "%s", message)
	}
	return s.annotate(ctx, service, message)
}

// annotate records on the Service who signed its certificate, or why nobody did.
func (s *signer) annotate(ctx context.Context, service *corev1.Service, failure string) error {
	want := map[string]any{}
	set := func(name, value string) {
		for _, group := range []string{betaGroup, alphaGroup} {
			switch have, ok := service.Annotations[group+name]; {
			case value == "" && ok:
				want[group+name] = nil
			case value != "" && have != value:
				want[group+name] = value
			}
		}
	}
	set(generationErr, failure)
	if failure == "" {
		set(signedBy, s.ca.cert.Subject.CommonName)
	}
	if len(want) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": want}})
	if err != nil {
		return fmt.Errorf("encoding annotations: %w", err)
	}
	_, err = s.Kube.CoreV1().Services(service.Namespace).Patch(ctx, service.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("annotating service %s/%s: %w", service.Namespace, service.Name, err)
	}
	return nil
}

func (s *signer) write(ctx context.Context, service *corev1.Service, existing *corev1.Secret, name string, names []string) error {
	cert, err := s.ca.issue(names, s.clock.Now(), s.options.Lifetime)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: service.Namespace}, Type: corev1.SecretTypeTLS}
	if existing != nil {
		secret = existing.DeepCopy()
	}
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	for _, group := range []string{betaGroup, alphaGroup} {
		secret.Annotations[group+originName] = service.Name
		secret.Annotations[group+originUID] = string(service.UID)
		secret.Annotations[group+expiry] = cert.notAfter.UTC().Format(time.RFC3339)
	}
	owner := metav1.OwnerReference{APIVersion: "v1", Kind: "Service", Name: service.Name, UID: service.UID}
	secret.OwnerReferences = []metav1.OwnerReference{owner}
	secret.Data = map[string][]byte{corev1.TLSCertKey: cert.certPEM, corev1.TLSPrivateKeyKey: cert.keyPEM}
	secrets := s.Kube.CoreV1().Secrets(service.Namespace)
	if existing == nil {
		_, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
	} else {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("writing secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	return nil // the Secret's own event brings the Service back, to be annotated and to plan the renewal
}

func (s *signer) syncConfigMap(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	configMap, err := s.configMaps.ConfigMaps(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading configmap %s: %w", key, err)
	}
	if strange := unknown(configMap.Annotations, knownOnConfigMaps); len(strange) > 0 {
		s.Refuse(configMap, "UnknownServiceCAAnnotation", "annotations %v mean nothing on a ConfigMap", strange)
	}
	switch value := annotated(configMap.Annotations, injectBundle); value {
	case "":
		return nil
	case "true":
	default:
		s.Refuse(configMap, "UnknownServiceCAAnnotation", "%s must be \"true\", not %q", injectBundle, value)
		return nil
	}
	// The real service CA owns the whole data of such a ConfigMap, not only its key.
	want := map[string]string{bundleKey: string(s.bundle)}
	if equality.Semantic.DeepEqual(configMap.Data, want) {
		return nil
	}
	updated := configMap.DeepCopy()
	updated.Data = want
	if _, err := s.Kube.CoreV1().ConfigMaps(namespace).Update(ctx, updated, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("injecting the service CA into configmap %s: %w", key, err)
	}
	return nil
}
