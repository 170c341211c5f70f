package storage

import (
	"slices"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// checkInterval is how often the cloud is asked whether the medium is still there (decision 14). The same call compares
	// some of its settings, by turns.
	checkInterval = 5 * time.Minute
	// firstCheck follows a creation soon: the medium is then seen as any other.
	firstCheck = 10 * time.Second
	// verifyInterval is how often all settings of a managed medium are compared with what they should be, those too that
	// could not be put in effect.
	verifyInterval = 6 * time.Hour
	// maxMends is how often in a row a look may find its settings drifted. A cloud that takes a setting and then shows
	// another is not written to with every round of checks; the next verification tries again.
	maxMends = 3

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
	// turn says which of done.Looks is next, and mended how often in a row that one found a drift.
	turn, mended int
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

// look is what the next check compares.
func (m *memory) look() storage.Look {
	if m.done == nil || len(m.done.Looks) == 0 {
		return nil
	}
	return m.done.Looks[m.turn%len(m.done.Looks)]
}

// held notes that look found nothing to mend: the next one has its turn.
func (m *memory) held() { m.turn, m.mended = m.turn+1, 0 }

// mend notes that Ensure has put right what look found. The next check looks at the same again, as long as that seems to
// be of use: kept tells whether it is among what Ensure says can be compared.
func (m *memory) mend(look storage.Look, result *storage.Result) (kept bool) {
	kept = slices.ContainsFunc(result.Looks, func(l storage.Look) bool { return slices.Equal(l, look) })
	if m.mended++; kept && m.mended < maxMends {
		return true
	}
	result.Looks = slices.DeleteFunc(result.Looks, func(l storage.Look) bool { return slices.Equal(l, look) })
	m.mended = 0
	return kept
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
