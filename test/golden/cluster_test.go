package golden

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What the rest of the cluster does once the operator is at rest. It is little, and it always succeeds.
const (
	injectCA    = "service.beta.openshift.io/inject-cabundle"
	servingCert = "service.alpha.openshift.io/serving-cert-secret-name"
)

// serviceCA has to be a certificate: the operator looks.
const serviceCA = `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUCUQowTAtg4qkdC8mrkQpc9hj+vwwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRZ29sZGVuIHNlcnZpY2UtY2EwIBcNMjYxMTIyMTM1OTU5WhgP
MjEyNjEwMjkxMzU5NTlaMBwxGjAYBgNVBAMMEWdvbGRlbiBzZXJ2aWNlLWNhMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmBiulPjDSFrTycphW3Okp5iwli8yH3vC
JxqrlSKteCcxzWT8OvGVWgmZ8HES/lo/C9xIhzwyTz2WwPt/UlyE8aNTMFEwHQYD
VR0OBBYEFHyQbW4YBIIFNEii4nVSRF5p7cRqMB8GA1UdIwQYMBaAFHyQbW4YBIIF
NEii4nVSRF5p7cRqMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
XYFKACsZiPee+MhSPfYLhHM5+cHKKwWxHe7B112o0NECIQCJJTSHFpShcCc5u87W
7MRqU80jI1MvcbTElhjV93VJFA==
-----END CERTIFICATE-----
`

// react tells whether the cluster had something to do.
func react(s *store) bool {
	reacted := false
	for k, o := range s.all() {
		switch k.kind.resource {
		case "configmaps":
			reacted = inject(s, k, o) || reacted
		case "services":
			reacted = certify(s, k, o) || reacted
		case "persistentvolumeclaims":
			reacted = bind(s, k, o) || reacted
		case "deployments":
			reacted = rollOut(s, k, o) || reacted
		case "daemonsets":
			reacted = spread(s, k, o) || reacted
		}
	}
	return reacted
}

// inject is the service CA operator's part in ConfigMaps.
func inject(s *store, k key, o *object) bool {
	if _, filled, _ := unstructured.NestedString(o.Object, "data", "service-ca.crt"); filled || o.GetAnnotations()[injectCA] != "true" {
		return false
	}
	s.modify(k, func(o *object) { _ = unstructured.SetNestedField(o.Object, serviceCA, "data", "service-ca.crt") })
	return true
}

// certify is its part in Services.
func certify(s *store, k key, o *object) bool {
	secret := &object{}
	secret.SetAPIVersion("v1")
	secret.SetKind("Secret")
	secret.SetNamespace(k.namespace)
	secret.SetName(o.GetAnnotations()[servingCert])
	_ = unstructured.SetNestedField(secret.Object, "kubernetes.io/tls", "type")
	_ = unstructured.SetNestedStringMap(secret.Object, map[string]string{"tls.crt": "Y2VydA==", "tls.key": "a2V5"}, "data")
	// An empty name or one that is there is refused.
	return s.load(secret) == nil
}

// bind is the storage's provisioner.
func bind(s *store, k key, o *object) bool {
	if phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase != "" {
		return false
	}
	s.modify(k, func(o *object) { _ = unstructured.SetNestedField(o.Object, "Bound", "status", "phase") })
	return true
}

// spread is the DaemonSet controller on a cluster of three nodes.
func spread(s *store, k key, o *object) bool {
	seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if seen == o.GetGeneration() {
		return false
	}
	s.modify(k, func(o *object) {
		status := map[string]any{"observedGeneration": o.GetGeneration(), "numberMisscheduled": int64(0)}
		for _, count := range []string{"desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"} {
			status[count] = int64(3)
		}
		o.Object["status"] = status
	})
	return true
}

// rollOut is the Deployment controller, the scheduler and the nodes: all replicas come up.
func rollOut(s *store, k key, o *object) bool {
	seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if seen == o.GetGeneration() {
		return false
	}
	s.modify(k, func(o *object) {
		replicas, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
		if !found {
			replicas = 1
		}
		status := map[string]any{"observedGeneration": o.GetGeneration(), "conditions": []any{
			map[string]any{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
			map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
		}}
		for _, count := range []string{"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"} {
			status[count] = replicas
		}
		o.Object["status"] = status
	})
	return true
}
