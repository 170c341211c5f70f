package operator

import (
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
)

const (
	// maxRepeats is how often one text may be in the events of the cluster. Who has not read it five times will not read
	// it the sixth time, and each one is a write that all watchers of events see.
	maxRepeats = 5
	// repeatWindow is for how long it counts. It is longer than clusters keep events (one hour by default, three in
	// OpenShift): what is said again after it stands alone.
	repeatWindow = 6 * time.Hour
	// maxTexts bounds the memory for texts.
	maxTexts = 1000
)

// text is what must not be repeated without end.
type text struct{ kind, reason, message string }

// utterances are when a text was said.
type utterances struct {
	times []time.Time
	// era is the era of the recorders that count it, and counted how often they have.
	era, counted int
	// muted tells that the silence has been announced.
	muted bool
}

// ledger counts texts for all components of the process: who reads events does not look at who said them.
type ledger struct {
	clock clock.PassiveClock
	mu    sync.Mutex
	era   int
	said  map[text]*utterances
}

// verdict on a text.
type verdict int

const (
	pass verdict = iota
	announce
	drop
)

// ask decides about a text that is to be said now. The era moves when a text may be said again that the library has
// counted to the limit: it goes on counting for as long as its recorder lives.
func (l *ledger) ask(t text) (verdict, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	known := l.said[t]
	if known == nil {
		l.forget(now)
		known = &utterances{}
		l.said[t] = known
	}
	known.times = recent(known.times, now)
	if len(known.times) >= maxRepeats {
		if known.muted {
			return drop, l.era
		}
		known.muted = true
		return announce, l.era
	}
	if known.era == l.era && known.counted >= maxRepeats {
		l.era++
	}
	if known.era != l.era {
		known.era, known.counted = l.era, 0
	}
	known.times, known.counted, known.muted = append(known.times, now), known.counted+1, false
	return pass, l.era
}

// forget makes room: first what has not been said for long, and if that is not enough, everything.
func (l *ledger) forget(now time.Time) {
	if len(l.said) < maxTexts {
		return
	}
	for t, known := range l.said {
		if known.times = recent(known.times, now); len(known.times) == 0 {
			delete(l.said, t)
		}
	}
	if len(l.said) >= maxTexts {
		clear(l.said)
		l.era++
	}
}

func recent(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= repeatWindow {
		times = times[1:]
	}
	return times
}

// newLedger makes the ledger of the process, which knows what the processes before it have said: an operator that ends and
// begins again without end must not repeat itself either.
func newLedger(c clock.PassiveClock, before []corev1.Event) *ledger {
	l := &ledger{clock: c, said: map[text]*utterances{}}
	for i := range before {
		event := &before[i]
		if !strings.HasPrefix(event.Source.Component, eventComponent) {
			continue
		}
		t := text{event.Type, event.Reason, event.Message}
		known := l.said[t]
		if known == nil {
			known = &utterances{}
			l.said[t] = known
		}
		for range min(max(event.Count, 1), maxRepeats) {
			known.times = append(known.times, event.LastTimestamp.Time)
		}
		slices.SortFunc(known.times, time.Time.Compare)
		// The silence has been announced, or will not be missed.
		known.muted = len(known.times) >= maxRepeats
	}
	return l
}
