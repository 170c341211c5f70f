package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const (
	// look is how often a wait looks again; it bounds the precision of what is measured by polling.
	look = 5 * time.Millisecond
	// crdAge is the age from which on a CRD is served without delay.
	crdAge = 4 * time.Second
	// edits is how many edits of Config are timed.
	edits = 50
)

type bench struct {
	cluster  *library.Cluster
	operator *library.Operator
	dir      string
	verbose  bool
}

func (b *bench) stop() {
	if b.operator != nil {
		if err := b.operator.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: stopping the operator:", err)
		}
		b.operator = nil
	}
}

// end stops what a measurement may have left running: it would take its share of the machine.
func (b *bench) end(ctx context.Context) {
	b.stop()
	if b.cluster == nil {
		return
	}
	if err := b.cluster.Stop(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stopping the cluster:", err)
	}
	b.cluster = nil
}

func (b *bench) size(context.Context) ([]string, error) {
	info, err := os.Stat(os.Getenv("OPERATOR_BINARY"))
	if err != nil {
		return nil, fmt.Errorf("measuring OPERATOR_BINARY: %w", err)
	}
	return []string{fmt.Sprintf("%.1f MB (seven backends)", float64(info.Size())/1e6)}, nil
}

// up starts the cluster of the measurements that follow, and installs the manifests.
func (b *bench) up(ctx context.Context) ([]string, error) {
	begin := time.Now()
	cluster, err := library.Start(ctx, fmt.Sprintf("bench-%d", os.Getpid()), "--nodes", "0", "--simulated", "3", "--platform", "AWS")
	if err != nil {
		return nil, err
	}
	found := []string{time.Since(begin).Round(100 * time.Millisecond).String()}
	b.cluster = cluster
	if err := cluster.Deploy(ctx, "--manifests", "manifests", "--version", "4.22.0-bench"); err != nil {
		return found, err
	}
	return found, cluster.UntilServiceAccount(ctx, names.OperatorNamespace, names.OperatorDeployment)
}

// errNotStarted is what is left of a measurement when the start before it has failed.
var errNotStarted = errors.New("cluster or operator did not start")

// start measures from the start of the process to the created Deployment and to Available, in a cluster where nothing
// has been installed yet.
func (b *bench) start(ctx context.Context) ([]string, error) {
	if b.cluster == nil {
		return nil, errNotStarted
	}
	// CRDs of a cluster are older than its operator: an API server makes the first creation of a kind wait for two seconds if
	// the CRD is younger than that, and turns the first requests away while it prepares the kind's storage.
	if err := pass(ctx, crdAge); err != nil {
		return nil, err
	}
	_, configs := b.cluster.Registry.ImageregistryV1().Configs().List(ctx, metav1.ListOptions{})
	_, pruners := b.cluster.Registry.ImageregistryV1().ImagePruners().List(ctx, metav1.ListOptions{})
	if err := errors.Join(configs, pruners); err != nil {
		return nil, err
	}
	operator, err := b.cluster.StartOperator(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	b.operator = operator
	// Here and not before: that call first prepares a kubeconfig and a certificate.
	begin := time.Now()
	created, err := b.until(ctx, "the registry's deployment", func(ctx context.Context) (bool, error) {
		_, err := b.deployment(ctx)
		return err == nil, library.IgnoreNotFound(err)
	})
	if err != nil {
		return nil, err
	}
	sent, err := b.creation(begin)
	if err != nil {
		return nil, err
	}
	found := []string{created.Sub(begin).Round(10 * time.Millisecond).String()}
	if found, err = b.requests(found, begin, sent); err != nil {
		return found, err
	}
	available, err := b.until(ctx, "the registry to be available", b.isAvailable)
	if err != nil {
		return found, err
	}
	found = append(found, available.Sub(begin).Round(10*time.Millisecond).String())
	if found, err = b.requests(found, begin, available); err != nil || !b.verbose {
		return found, err
	}
	return found, b.list(ctx, begin, created, available)
}

// requests adds the number of the operator's requests by verb, and that of the watches that were open in the end.
func (b *bench) requests(found []string, from, to time.Time) ([]string, error) {
	events, err := b.cluster.Audit(library.OperatorUser, from)
	if err != nil {
		return found, err
	}
	count, total := map[string]int{}, 0
	for _, event := range events {
		if !event.IsWatch() && !event.RequestReceivedTimestamp.After(to) {
			count[event.Verb]++
			total++
		}
	}
	verbs := make([]string, 0, len(count))
	for verb, n := range count {
		verbs = append(verbs, fmt.Sprintf("%s %d", verb, n))
	}
	slices.Sort(verbs)
	watches, err := b.cluster.OpenWatches(library.OperatorUser, to)
	return append(found, fmt.Sprintf("%d (%s)", total, strings.Join(verbs, ", ")), strconv.Itoa(watches)), err
}

// creation is when the API server received the request that created the Deployment: what came in by the time that we saw
// it is another matter.
func (b *bench) creation(begin time.Time) (time.Time, error) {
	events, err := b.cluster.Audit(library.OperatorUser, begin)
	if err != nil {
		return time.Time{}, err
	}
	for _, event := range events {
		if event.Verb == "create" && event.ObjectRef.Resource == "deployments" && event.ResponseStatus.Code == http.StatusCreated {
			return event.RequestReceivedTimestamp, nil
		}
	}
	return time.Time{}, errors.New("the audit log does not show the creation of the registry's deployment")
}

// list prints the requests from the start on, and where the Deployment and Available came.
func (b *bench) list(ctx context.Context, begin, created, available time.Time) error {
	// What follows at once belongs to the start as well.
	if err := pass(ctx, 3*time.Second); err != nil {
		return err
	}
	events, err := b.cluster.Audit(library.OperatorUser, begin)
	if err != nil {
		return err
	}
	marks := []struct {
		at   time.Time
		what string
	}{{created, "deployment seen"}, {available, "available seen"}}
	for _, event := range events {
		for len(marks) > 0 && event.RequestReceivedTimestamp.After(marks[0].at) {
			fmt.Printf("%6d ms -------- %s\n", marks[0].at.Sub(begin).Milliseconds(), marks[0].what)
			marks = marks[1:]
		}
		fmt.Printf("%6d ms %-6s %3d %s\n", event.RequestReceivedTimestamp.Sub(begin).Milliseconds(), event.Verb, event.ResponseStatus.Code, event.RequestURI)
	}
	return nil
}

// edits times the way from an edit of Config to the Deployment that shows it, by a watch on the Deployment: of a registry
// at rest, and while the rollouts of the edits before are under way and share the machine.
func (b *bench) edits(ctx context.Context) ([]string, error) {
	if b.operator == nil {
		return nil, errNotStarted
	}
	atRest, answered, err := b.timeEdits(ctx, 20, func() error {
		if _, err := b.until(ctx, "the rollout of the edit before", b.isAvailable); err != nil {
			return err
		}
		// What Kubernetes and the ClusterOperator have to do after a rollout is not at rest yet.
		return pass(ctx, time.Second)
	})
	if err != nil {
		return nil, err
	}
	found := []string{of(atRest, edits/2), of(atRest, edits*99/100), of(answered, edits/2)}
	inARow, _, err := b.timeEdits(ctx, 20+edits, func() error { return nil })
	if err != nil {
		return found, err
	}
	return append(found, of(inARow, edits/2), of(inARow, edits*99/100)), nil
}

// of is one of the sorted times.
func of(times []time.Duration, i int) string {
	return times[i].Round(100 * time.Microsecond).String()
}

// timeEdits edits the registry's cpu request, from first millicores upwards, and returns the times since the edit was sent and
// those since the API server had answered that it has it, both sorted.
func (b *bench) timeEdits(ctx context.Context, first int, before func() error) (sent, answered []time.Duration, err error) {
	watch, err := b.cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + names.Registry})
	if err != nil {
		return nil, nil, err
	}
	defer watch.Stop()
	for i := range edits {
		if err := before(); err != nil {
			return nil, nil, err
		}
		cpu := fmt.Sprintf("%dm", first+i)
		begin := time.Now()
		patch := fmt.Sprintf(`{"spec":{"resources":{"requests":{"cpu":%q}}}}`, cpu)
		if _, err := b.cluster.Registry.ImageregistryV1().Configs().Patch(ctx, names.Cluster, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			return nil, nil, err
		}
		known := time.Now()
		for event := range watch.ResultChan() {
			deployment, ok := event.Object.(*appsv1.Deployment)
			if ok && deployment.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String() == cpu {
				sent, answered = append(sent, time.Since(begin)), append(answered, time.Since(known))
				break
			}
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
		}
	}
	if len(sent) < edits {
		return nil, nil, fmt.Errorf("only %d of %d edits were seen", len(sent), edits)
	}
	slices.Sort(sent)
	slices.Sort(answered)
	return sent, answered, nil
}

// idle waits for the operator to settle and measures what it holds and sends when nothing happens.
func (b *bench) idle(ctx context.Context) ([]string, error) {
	if b.operator == nil {
		return nil, errNotStarted
	}
	if _, err := b.until(ctx, "the registry to be available", b.isAvailable); err != nil {
		return nil, err
	}
	if err := pass(ctx, time.Minute); err != nil {
		return nil, err
	}
	begin := time.Now()
	const silence = 2 * time.Minute
	if err := pass(ctx, silence); err != nil {
		return nil, err
	}
	events, err := b.cluster.Audit(library.OperatorUser, begin)
	if err != nil {
		return nil, err
	}
	sent := 0
	for _, event := range events {
		if !event.IsWatch() && !event.IsLease() {
			sent++
		}
	}
	memory, err := b.memory("VmRSS")
	return []string{strconv.Itoa(sent), memory}, err
}

// successor starts a second operator and measures from SIGTERM of the first until the second leads.
func (b *bench) successor(ctx context.Context) ([]string, error) {
	if b.operator == nil {
		return nil, errNotStarted
	}
	dir, err := os.MkdirTemp(b.dir, "second")
	if err != nil {
		return nil, err
	}
	second, err := b.cluster.StartOperator(ctx, dir)
	if err != nil {
		return nil, err
	}
	first := b.operator
	b.operator = second
	before, err := b.holder(ctx)
	if err != nil {
		return nil, err
	}
	// It must be waiting for the lease, or its start would be measured too.
	if err := pass(ctx, 5*time.Second); err != nil {
		return nil, err
	}
	begin := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- first.Stop() }()
	led, err := b.until(ctx, "the second operator to lead", func(ctx context.Context) (bool, error) {
		holder, err := b.holder(ctx)
		return holder != "" && holder != before, err
	})
	if err := errors.Join(err, <-stopped); err != nil {
		return nil, err
	}
	return []string{led.Sub(begin).Round(10 * time.Millisecond).String()}, nil
}

func (b *bench) holder(ctx context.Context) (string, error) {
	lease, err := b.cluster.Kube.CoordinationV1().Leases(names.OperatorNamespace).Get(ctx, names.Lease, metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return "", err
	}
	return *lease.Spec.HolderIdentity, nil
}

func (b *bench) deployment(ctx context.Context) (*appsv1.Deployment, error) {
	return b.cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
}

func (b *bench) isAvailable(ctx context.Context) (bool, error) {
	config, err := b.cluster.GetConfig(ctx)
	if err != nil {
		return false, library.IgnoreNotFound(err)
	}
	return library.Matches(config.Status.Conditions,
		library.Want{Type: names.Available, Status: operatorv1.ConditionTrue}, library.Want{Type: names.Progressing, Status: operatorv1.ConditionFalse}) == nil, nil
}

// until waits for check and returns when it held.
func (b *bench) until(ctx context.Context, what string, check wait.ConditionWithContextFunc) (time.Time, error) {
	if err := wait.PollUntilContextTimeout(ctx, look, 3*time.Minute, true, check); err != nil {
		return time.Time{}, fmt.Errorf("waiting for %s: %w\n%s\n%s", what, err, b.cluster.Describe(ctx), b.operator.Tail(30))
	}
	return time.Now(), nil
}

// memory is a line of what the kernel tells of the operator's process: VmRSS is its resident set, VmHWM the largest there
// has been.
func (b *bench) memory(which string) (string, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.operator.PID()))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == which+":" {
			kib, err := strconv.Atoi(fields[1])
			return fmt.Sprintf("%.0f MB", float64(kib)*1024/1e6), err
		}
	}
	return "", errors.New("the kernel does not tell the resident set")
}

// pass lets time pass: silence and an idle process can be measured in no other way.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
