package operator

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"github.com/openshift/library-go/pkg/operator/events"
)

// broadcast writes events to the cluster and to the log. It owns a broadcaster: its queues have room for three thousand events.
// The library has one for each component.
type broadcast struct {
	record.EventBroadcaster
	object *corev1.ObjectReference
}

// newBroadcast tells the correlator to keep texts apart: by default it folds ten different messages of one reason into one that
// says nothing, and lets 25 pass and then one in five minutes. Each reason has an allowance of its own (60, and one more each
// second): one that comes in masses takes nothing from the others.
func newBroadcast(client corev1client.EventInterface, object *corev1.ObjectReference) *broadcast {
	options := events.RecommendedClusterSingletonCorrelatorOptions()
	options.SpamKeyFunc = func(event *corev1.Event) string { return event.Type + "/" + event.Reason }
	b := &broadcast{EventBroadcaster: record.NewBroadcasterWithCorrelatorOptions(options), object: object}
	b.StartLogging(klog.Infof)
	b.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: client})
	return b
}

func (b *broadcast) say(component string, t text) {
	b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: component}).Event(b.object, t.kind, t.reason, t.message)
}

// speaker is a broadcast.
type speaker interface {
	say(component string, t text)
	Shutdown()
}

// voice says what the components of the process have to say, nothing more often than the ledger lets it.
type voice struct {
	ledger *ledger
	// fresh makes a speaker with all counts at zero.
	fresh func() speaker

	mu      sync.Mutex
	era     int
	current speaker
	// retired is the speaker of the era before. Shutting it down drops what it has not written yet, so that waits until the
	// next era.
	retired speaker
}

func newVoice(l *ledger, fresh func() speaker) *voice {
	return &voice{ledger: l, fresh: fresh, current: fresh()}
}

func (v *voice) say(component string, t text) {
	decision, era := v.ledger.ask(t)
	if decision == drop {
		return
	}
	if decision == announce {
		t = text{corev1.EventTypeNormal, "EventsMuted", fmt.Sprintf("Said %d times and goes on happening; not said again for now: %s: %s", maxRepeats, t.reason, t.message)}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.turn(era)
	v.current.say(component, t)
}

// turn retires the speaker when a new era has begun. A text of the era before may come late, as nothing is locked between ask
// and here: the new speaker takes it, too.
func (v *voice) turn(era int) {
	if era <= v.era {
		return
	}
	if v.retired != nil {
		v.retired.Shutdown()
	}
	v.retired, v.current, v.era = v.current, v.fresh(), era
}

// sparing is the recorder of one component.
type sparing struct {
	voice     *voice
	component string
}

// newRecorder makes the recorder of the process, from which those of its controllers come.
func newRecorder(client corev1client.EventInterface, object *corev1.ObjectReference, l *ledger) events.Recorder {
	return sparing{newVoice(l, func() speaker { return newBroadcast(client, object) }), eventComponent}
}

// Event implements events.Recorder.
func (s sparing) Event(reason, message string) {
	s.voice.say(s.component, text{corev1.EventTypeNormal, reason, message})
}

// Eventf implements events.Recorder.
func (s sparing) Eventf(reason, format string, args ...any) {
	s.Event(reason, fmt.Sprintf(format, args...))
}

// Warning implements events.Recorder.
func (s sparing) Warning(reason, message string) {
	s.voice.say(s.component, text{corev1.EventTypeWarning, reason, message})
}

// Warningf implements events.Recorder.
func (s sparing) Warningf(reason, format string, args ...any) {
	s.Warning(reason, fmt.Sprintf(format, args...))
}

// ForComponent implements events.Recorder.
func (s sparing) ForComponent(component string) events.Recorder {
	return sparing{s.voice, component}
}

// WithComponentSuffix implements events.Recorder.
func (s sparing) WithComponentSuffix(suffix string) events.Recorder {
	return s.ForComponent(s.component + "-" + suffix)
}

// WithContext implements events.Recorder. Events are written behind the back of the caller, whose context may have ended by then.
func (s sparing) WithContext(context.Context) events.Recorder { return s }

// ComponentName implements events.Recorder.
func (s sparing) ComponentName() string { return s.component }

// Shutdown implements events.Recorder. The voice is not one component's to end; the process ends with it.
func (s sparing) Shutdown() {}
