// Package namespaces stands in for OpenShift's cluster policy controller: it gives every namespace its own range of user
// ids, its supplemental groups and its SELinux level. Nothing enforces them here, but readers rely on the annotations.
package namespaces

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

// The annotations.
const (
	UIDRange           = "openshift.io/sa.scc.uid-range"
	SupplementalGroups = "openshift.io/sa.scc.supplemental-groups"
	MCS                = "openshift.io/sa.scc.mcs"
)

const (
	firstUID   = 1_000_000_000
	blockSize  = 10_000
	lastBlock  = 99_999
	categories = 1024
)

type allocator struct {
	*loop.Cluster
	reserved   map[string]int
	namespaces corelisters.NamespaceLister
	// given remembers blocks that were handed out but may not have reached the cache yet.
	given map[string]int
}

// New makes the stand-in. Reserved blocks go to the namespaces of that name and to no other, so that a cluster's well-known
// namespaces look the same each time.
func New(cluster *loop.Cluster, reserved map[string]int) (*loop.Controller, error) {
	a := &allocator{
		Cluster:    cluster,
		reserved:   reserved,
		namespaces: cluster.KubeInformers.Core().V1().Namespaces().Lister(),
		given:      map[string]int{},
	}
	c := loop.New("namespaces", a.sync)
	return c, c.Watch(cluster.KubeInformers.Core().V1().Namespaces().Informer(), loop.Key)
}

func (a *allocator) sync(ctx context.Context, name string) error {
	namespace, err := a.namespaces.Get(name)
	if apierrors.IsNotFound(err) {
		delete(a.given, name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", name, err)
	}
	if namespace.DeletionTimestamp != nil {
		return nil
	}
	block, err := a.choose(namespace)
	if err != nil {
		a.Refuse(namespace, "NoUIDRange", "%v", err)
		return nil
	}
	missing := annotations(block)
	// As in OpenShift, values that are already there are the administrator's and stay.
	maps.DeleteFunc(missing, func(key, _ string) bool { return namespace.Annotations[key] != "" })
	if len(missing) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": missing}})
	if err != nil {
		return fmt.Errorf("encoding annotations: %w", err)
	}
	a.given[name] = block
	_, err = a.Kube.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("annotating namespace %s: %w", name, err)
	}
	return nil
}

// choose is the block a namespace has, or is to have.
func (a *allocator) choose(namespace *corev1.Namespace) (int, error) {
	if block, ok := blockOf(namespace); ok {
		return block, nil
	}
	all, err := a.namespaces.List(labels.Everything())
	if err != nil {
		return 0, fmt.Errorf("listing namespaces: %w", err)
	}
	return free(namespace.Name, taken(all, a.given), a.reserved)
}

// blockOf reads the block a namespace has, if it has one.
func blockOf(namespace *corev1.Namespace) (int, bool) {
	first, _, ok := strings.Cut(namespace.Annotations[UIDRange], "/")
	if !ok {
		return 0, false
	}
	uid, err := strconv.Atoi(first)
	if err != nil || uid < firstUID {
		return 0, false
	}
	return (uid - firstUID) / blockSize, true
}

func taken(all []*corev1.Namespace, given map[string]int) map[int]string {
	out := map[int]string{}
	for name, block := range given {
		out[block] = name
	}
	for _, namespace := range all {
		if block, ok := blockOf(namespace); ok {
			out[block] = namespace.Name
		}
	}
	return out
}

// free finds the lowest block nobody has, or the one kept for this namespace.
func free(name string, taken map[int]string, reserved map[string]int) (int, error) {
	kept := map[int]bool{}
	for _, block := range reserved {
		kept[block] = true
	}
	if block, ok := reserved[name]; ok {
		if holder, used := taken[block]; used && holder != name {
			return 0, fmt.Errorf("block %d is kept for namespace %s but namespace %s has it", block, name, holder)
		}
		return block, nil
	}
	for block := 0; block <= lastBlock; block++ {
		if holder, used := taken[block]; !kept[block] && (!used || holder == name) {
			return block, nil
		}
	}
	return 0, fmt.Errorf("all %d blocks are taken", lastBlock+1)
}

func annotations(block int) map[string]string {
	uids := fmt.Sprintf("%d/%d", firstUID+block*blockSize, blockSize)
	return map[string]string{UIDRange: uids, SupplementalGroups: uids, MCS: level(block)}
}

// level numbers the pairs of SELinux categories: each block has a pair of its own.
func level(block int) string {
	high := 1
	for low := block; high < categories; high++ {
		if low < high {
			return fmt.Sprintf("s0:c%d,c%d", high, low)
		}
		low -= high
	}
	return "s0"
}
