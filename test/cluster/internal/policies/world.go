package policies

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Peer is one end of a connection: a pod, or an address outside of the cluster.
type Peer struct {
	// Pod is namespace/name; empty for an address.
	Pod string `json:"pod,omitempty"`
	// Addresses has one of each family that the peer speaks.
	Addresses []netip.Addr `json:"addresses"`
	// HostNetwork marks a pod that no policy applies to.
	HostNetwork bool `json:"hostNetwork,omitempty"`

	namespace string
	labels    map[string]string
	ports     []corev1.ContainerPort
	internal  *matcher.InternalPeer
}

// Address is a peer outside of the cluster.
func Address(address netip.Addr) Peer { return Peer{Addresses: []netip.Addr{address}} }

// String is the pod's name, or the address.
func (p Peer) String() string {
	if p.Pod != "" {
		return p.Pod
	}
	return fmt.Sprint(p.Addresses[0])
}

// World is a cluster as far as policies see it.
type World struct {
	// Peers are the pods that run, and those of WhatIf.
	Peers []Peer

	namespaces map[string]map[string]string
	selectors  *selectors
	policy     *matcher.Policy
}

// New takes the namespaces, pods and policies of a whole cluster. Pods that have ended or have no address yet are left out.
func New(namespaces []corev1.Namespace, pods []corev1.Pod, policies []networkingv1.NetworkPolicy) (w *World, err error) {
	// cyclonus panics on what the API server would not have let in.
	defer func() {
		if cause := recover(); cause != nil {
			w, err = nil, fmt.Errorf("reading the network policies: %v", cause)
		}
	}()
	w = &World{namespaces: map[string]map[string]string{}, selectors: &selectors{stand: map[string]string{}}}
	rewritten := make([]*networkingv1.NetworkPolicy, 0, len(policies))
	for i := range policies {
		policy, err := w.selectors.rewritten(&policies[i])
		if err != nil {
			return nil, err
		}
		rewritten = append(rewritten, policy)
	}
	w.policy = matcher.BuildNetworkPolicies(false, rewritten)
	for i := range namespaces {
		w.namespaces[namespaces[i].Name] = namespaces[i].Labels
	}
	for i := range pods {
		if ended := []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed}; slices.Contains(ended, pods[i].Status.Phase) {
			continue
		}
		if err := w.add(&pods[i]); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// WhatIf adds a pod that does not run at the moment.
func (w *World) WhatIf(pod *corev1.Pod) error { return w.add(pod) }

func (w *World) add(pod *corev1.Pod) error {
	namespace, known := w.namespaces[pod.Namespace]
	if !known {
		return fmt.Errorf("pod %s/%s: there is no namespace of that name", pod.Namespace, pod.Name)
	}
	peer := Peer{
		Pod: pod.Namespace + "/" + pod.Name, HostNetwork: pod.Spec.HostNetwork,
		namespace: pod.Namespace, labels: pod.Labels,
	}
	for _, status := range pod.Status.PodIPs {
		address, err := netip.ParseAddr(status.IP)
		if err != nil {
			return fmt.Errorf("address of pod %s: %w", peer.Pod, err)
		}
		peer.Addresses = append(peer.Addresses, address.Unmap())
	}
	if len(peer.Addresses) == 0 {
		return nil
	}
	for i := range pod.Spec.Containers {
		peer.ports = append(peer.ports, pod.Spec.Containers[i].Ports...)
	}
	if !pod.Spec.HostNetwork {
		peer.internal = &matcher.InternalPeer{
			Namespace: pod.Namespace, NamespaceLabels: w.selectors.outcome(namespace), PodLabels: w.selectors.outcome(pod.Labels),
		}
	}
	w.Peers = append(w.Peers, peer)
	return nil
}

// Select returns the pods of a namespace that a label selector matches; there must be one.
func (w *World) Select(namespace, selector string) ([]Peer, error) {
	compiled, err := labels.Parse(selector)
	if err != nil {
		return nil, fmt.Errorf("label selector %q: %w", selector, err)
	}
	var found []Peer
	for _, peer := range w.Peers {
		if peer.namespace == namespace && compiled.Matches(labels.Set(peer.labels)) {
			found = append(found, peer)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no pod of namespace %s with %s has an address", namespace, selector)
	}
	return found, nil
}
