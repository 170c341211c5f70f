package operator

import (
	"context"
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// hasty timings lose a lease within a second.
var hasty = timings{lease: 600 * time.Millisecond, renew: 400 * time.Millisecond, retry: 100 * time.Millisecond}

func newElection(client kubernetes.Interface, identity string, t timings) *election {
	return &election{
		leases: client.CoordinationV1(), releases: leaseReleases(client), identity: identity, timings: t,
		recorder: record.NewFakeRecorder(100), drain: deadline,
	}
}

func holder(t *testing.T, client kubernetes.Interface) string {
	t.Helper()
	lease, err := client.CoordinationV1().Leases(names.OperatorNamespace).Get(context.Background(), names.Lease, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ptr.Deref(lease.Spec.HolderIdentity, "")
}

// candidate is an election that runs.
type candidate struct {
	stop    context.CancelFunc
	leading chan context.Context
	finish  chan error // what the work returns once its context has ended
	ended   chan error
}

func run(e *election) *candidate {
	ctx, cancel := context.WithCancel(context.Background())
	c := &candidate{stop: cancel, leading: make(chan context.Context, 1), finish: make(chan error, 1), ended: make(chan error, 1)}
	go func() {
		c.ended <- e.run(ctx, func(ctx context.Context) error {
			c.leading <- ctx
			return <-c.finish
		})
	}()
	return c
}

// lease is a lease held by somebody else for the next hour.
func lease(holder string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: names.Lease},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To(holder), LeaseDurationSeconds: ptr.To[int32](3600), RenewTime: ptr.To(metav1.NowMicro()),
		},
	}
}

func TestTimingsFor(t *testing.T) {
	for topology, want := range map[configv1.TopologyMode]timings{
		configv1.SingleReplicaTopologyMode:   {lease: 270 * time.Second, renew: 240 * time.Second, retry: 60 * time.Second},
		configv1.HighlyAvailableTopologyMode: {lease: 137 * time.Second, renew: 107 * time.Second, retry: 26 * time.Second},
		configv1.ExternalTopologyMode:        {lease: 137 * time.Second, renew: 107 * time.Second, retry: 26 * time.Second},
		"":                                   {lease: 137 * time.Second, renew: 107 * time.Second, retry: 26 * time.Second},
	} {
		if got := timingsFor(topology); got != want {
			t.Errorf("timingsFor(%q) = %v, want %v", topology, got, want)
		}
	}
}

func TestLeaseIsReleasedAfterTheWorkersHaveEnded(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", timingsFor("")))
	work := receive(t, leader.leading)
	leader.stop()
	receive(t, work.Done())
	if got := holder(t, client); got != "a" {
		t.Errorf("while a worker was still busy the lease was held by %q", got)
	}
	leader.finish <- nil
	if err := receive(t, leader.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
	if got := holder(t, client); got != "" {
		t.Errorf("after the end the lease is held by %q", got)
	}
}

func TestLeaseIsReleasedAfterAnError(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", timingsFor("")))
	receive(t, leader.leading)
	broken := errors.New("broken")
	leader.finish <- broken
	if err := receive(t, leader.ended); !errors.Is(err, broken) {
		t.Errorf("run() = %v, want %v", err, broken)
	}
	if got := holder(t, client); got != "" {
		t.Errorf("after the error the lease is held by %q", got)
	}
}

func TestLeaseIsReleasedWhenWorkersNeverEnd(t *testing.T) {
	client := fake.NewClientset()
	e := newElection(client, "a", timingsFor(""))
	e.drain = time.Millisecond
	leader := run(e)
	receive(t, leader.leading)
	leader.stop()
	if err := receive(t, leader.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
	if got := holder(t, client); got != "" {
		t.Errorf("after the drain time the lease is held by %q", got)
	}
}

// The retry period is 26 seconds and the deadline of this test is shorter: only the watch can bring it about.
func TestSuccessorLeadsAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, client kubernetes.Interface, leader *candidate)
	}{
		{name: "when the leader releases the lease", end: func(_ *testing.T, _ kubernetes.Interface, leader *candidate) {
			leader.stop()
			leader.finish <- nil
		}},
		{name: "when the lease is deleted", end: func(t *testing.T, client kubernetes.Interface, _ *candidate) {
			if err := client.CoordinationV1().Leases(names.OperatorNamespace).Delete(t.Context(), names.Lease, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := fake.NewClientset()
			leader := run(newElection(client, "a", timingsFor("")))
			receive(t, leader.leading)
			successor := run(newElection(client, "b", timingsFor("")))
			await(t, "the successor's watch", func() bool { return watches(client) > 0 })
			select {
			case <-successor.leading:
				t.Fatal("two leaders at a time")
			default:
			}
			tc.end(t, client, leader)
			receive(t, successor.leading)
			if got := holder(t, client); got != "b" {
				t.Errorf("the lease is held by %q", got)
			}
			successor.stop()
			successor.finish <- nil
			if err := receive(t, successor.ended); err != nil {
				t.Errorf("run() = %v", err)
			}
		})
	}
}

func watches(client *fake.Clientset) int {
	n := 0
	for _, action := range client.Actions() {
		if action.Matches("watch", "leases") {
			n++
		}
	}
	return n
}

func TestFirstLeaderDoesNotWatchTheLease(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", timingsFor("")))
	receive(t, leader.leading)
	leader.stop()
	leader.finish <- nil
	if err := receive(t, leader.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
	if n := watches(client); n != 0 {
		t.Errorf("%d watches for a lease that was won at the first try", n)
	}
}

func TestEndWhileWaiting(t *testing.T) {
	client := fake.NewClientset(lease("other"))
	waiting := run(newElection(client, "a", timingsFor("")))
	await(t, "the watch", func() bool { return watches(client) > 0 })
	waiting.stop()
	if err := receive(t, waiting.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
	if got := holder(t, client); got != "other" {
		t.Errorf("the lease is held by %q", got)
	}
}

func TestLostLeaseStopsTheWorkers(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", hasty))
	work := receive(t, leader.leading)
	if _, err := client.CoordinationV1().Leases(names.OperatorNamespace).Update(t.Context(), lease("thief"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	receive(t, work.Done())
	leader.finish <- nil
	if err := receive(t, leader.ended); !errors.Is(err, errLeaseLost) {
		t.Errorf("run() = %v, want %v", err, errLeaseLost)
	}
	if got := holder(t, client); got != "thief" {
		t.Errorf("the lease of another was taken: held by %q", got)
	}
}

func TestLeaseIsRenewedWhileWorkersEnd(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", hasty))
	work := receive(t, leader.leading)
	leader.stop()
	receive(t, work.Done())
	renewed := func() time.Time {
		lease, err := client.CoordinationV1().Leases(names.OperatorNamespace).Get(t.Context(), names.Lease, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return lease.Spec.RenewTime.Time
	}
	first := renewed()
	await(t, "the next renewal", func() bool { return renewed().After(first) })
	leader.finish <- nil
	if err := receive(t, leader.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
}

func TestLeaseThatWasTakenUnnoticedIsNotReleased(t *testing.T) {
	client := fake.NewClientset()
	leader := run(newElection(client, "a", timingsFor("")))
	receive(t, leader.leading)
	if _, err := client.CoordinationV1().Leases(names.OperatorNamespace).Update(t.Context(), lease("thief"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	leader.stop()
	leader.finish <- nil
	if err := receive(t, leader.ended); err != nil {
		t.Errorf("run() = %v", err)
	}
	if got := holder(t, client); got != "thief" {
		t.Errorf("the lease of another was taken: held by %q", got)
	}
}
