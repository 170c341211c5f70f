package storage

import (
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// checkInterval is how often the cloud is asked whether the medium is still there (decision 14).
	checkInterval = 5 * time.Minute
	// firstCheck follows a creation soon: the medium is then seen as any other.
	firstCheck = 10 * time.Second
	// verifyInterval is how often the settings of a managed medium are compared with what they should be.
	verifyInterval = 6 * time.Hour

	firstRetry = time.Second
	lastRetry  = 2 * time.Minute
)

// memory is what the controller did last, so that it need not do it again.
type memory struct {
	// inputs identifies what it was done for; anything else starts over.
	inputs string
	// done is the last success for these inputs; nil when there is none.
	done *storage.Result
	// verified is when Ensure succeeded last.
	verified time.Time
	// last is the outcome to report until something is due.
	last outcome
	// failures counts consecutive transient failures for these inputs.
	failures int
	// created is the hash of a location whose medium this process created; it outlives failures of what came after.
	created string
}

// settled tells whether there is nothing to do for inputs at now.
func (m *memory) settled(inputs string, now time.Time) bool {
	return m.inputs == inputs && (m.last.next.IsZero() || now.Before(m.last.next))
}

// reset starts over for other inputs.
func (m *memory) reset(inputs string) {
	if m.inputs != inputs {
		*m = memory{inputs: inputs, created: m.created}
	}
}

// failed notes a failure and when to try again.
func (m *memory) failed(o outcome, now time.Time) outcome {
	switch {
	case o.permanent():
		// Not a retry: an administrator may have put it right in the cloud, where no watch tells.
		o.next = now.Add(checkInterval)
	case !o.waiting():
		m.failures++
		o.next = now.Add(max(backoff(m.failures), o.wait))
	case o.wait > 0:
		// A Secret is watched; a bucket that settles is not.
		o.next = now.Add(o.wait)
	}
	m.last = o
	return o
}

// succeeded notes a success and when to look again.
func (m *memory) succeeded(o outcome, result *storage.Result, now time.Time) outcome {
	o.next = now.Add(checkInterval)
	if result.Created {
		o.next = now.Add(firstCheck)
	}
	m.last, m.done, m.failures = o, result, 0
	return o
}

func backoff(failures int) time.Duration {
	d := firstRetry
	for range failures - 1 {
		if d >= lastRetry {
			return lastRetry
		}
		d *= 2
	}
	return min(d, lastRetry)
}

// needsEnsure tells whether a check is not enough.
func (m *memory) needsEnsure(now time.Time) bool {
	return m.done == nil || m.done.Incomplete || m.failures > 0 || now.Sub(m.verified) >= verifyInterval
}

// replace puts condition into conditions, in the place of the one of its type.
func replace(conditions []operatorv1.OperatorCondition, condition *operatorv1.OperatorCondition) []operatorv1.OperatorCondition {
	if condition == nil {
		return conditions
	}
	replaced := []operatorv1.OperatorCondition{*condition}
	for _, c := range conditions {
		if c.Type != condition.Type {
			replaced = append(replaced, c)
		}
	}
	return replaced
}
