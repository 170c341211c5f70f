package operator

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// heard is what a speaker was told.
type heard struct {
	texts     []text
	shutdowns int
}

func (h *heard) say(_ string, t text) { h.texts = append(h.texts, t) }

func (h *heard) Shutdown() { h.shutdowns++ }

// audience has one entry for each speaker that was made.
type audience struct{ speakers []*heard }

func (a *audience) fresh() speaker {
	a.speakers = append(a.speakers, &heard{})
	return a.speakers[len(a.speakers)-1]
}

func (a *audience) messages() []string {
	var all []string
	for _, h := range a.speakers {
		for _, t := range h.texts {
			all = append(all, t.reason+": "+t.message)
		}
	}
	return all
}

// recorder makes a recorder that the audience hears.
func (a *audience) recorder(l *ledger) events.Recorder {
	return sparing{newVoice(l, a.fresh), "component"}
}

func TestOneTextIsSaidFiveTimesAtMost(t *testing.T) {
	muted := "EventsMuted: Said 5 times and goes on happening; not said again for now: Reason: text"
	for name, tc := range map[string]struct {
		say  func(r events.Recorder, c *clocktesting.FakeClock)
		want []string
	}{
		"five times are said": {
			say:  func(r events.Recorder, _ *clocktesting.FakeClock) { repeat(r, 5) },
			want: slices.Repeat([]string{"Reason: text"}, 5),
		},
		"the sixth time the silence is announced, once": {
			say:  func(r events.Recorder, _ *clocktesting.FakeClock) { repeat(r, 20) },
			want: append(slices.Repeat([]string{"Reason: text"}, 5), muted),
		},
		"components share the count": {
			say: func(r events.Recorder, _ *clocktesting.FakeClock) {
				repeat(r, 3)
				repeat(r.WithComponentSuffix("other"), 3)
			},
			want: append(slices.Repeat([]string{"Reason: text"}, 5), muted),
		},
		"other texts are not affected": {
			say: func(r events.Recorder, _ *clocktesting.FakeClock) {
				repeat(r, 5)
				r.Warningf("Reason", "te%s", "xt")
				r.Eventf("Reason", "other")
			},
			want: append(slices.Repeat([]string{"Reason: text"}, 5), "Reason: text", "Reason: other"),
		},
		"when the cluster has forgotten the text it is said again": {
			say: func(r events.Recorder, c *clocktesting.FakeClock) {
				repeat(r, 6)
				c.Step(repeatWindow)
				repeat(r, 6)
			},
			want: slices.Concat(slices.Repeat([]string{"Reason: text"}, 5), []string{muted}, slices.Repeat([]string{"Reason: text"}, 5), []string{muted}),
		},
		"the window slides": {
			say: func(r events.Recorder, c *clocktesting.FakeClock) {
				repeat(r, 3)
				c.Step(repeatWindow / 2)
				repeat(r, 2)
				c.Step(repeatWindow / 2)
				repeat(r, 4)
			},
			want: append(slices.Repeat([]string{"Reason: text"}, 8), muted),
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, c := &audience{}, clocktesting.NewFakeClock(time.Now())
			tc.say(a.recorder(newLedger(c, nil)), c)
			if got := a.messages(); !slices.Equal(sorted(got), sorted(tc.want)) {
				t.Errorf("said %q\nwant %q", got, tc.want)
			}
			for i, h := range a.speakers {
				counted := map[text]int{}
				for _, said := range h.texts {
					if counted[said]++; counted[said] > maxRepeats {
						t.Errorf("speaker %d counts %q to %d", i, said.message, counted[said])
					}
				}
			}
		})
	}
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

func repeat(r events.Recorder, times int) {
	for range times {
		r.Event("Reason", "text")
	}
}

func TestTheLedgerIsBounded(t *testing.T) {
	l := newLedger(clocktesting.NewFakePassiveClock(time.Now()), nil)
	for i := range 3 * maxTexts {
		if decision, _ := l.ask(text{message: fmt.Sprint(i)}); decision != pass {
			t.Fatalf("text %d is not said", i)
		}
		if len(l.said) > maxTexts {
			t.Fatalf("the ledger holds %d texts", len(l.said))
		}
	}
}

// TestTheClusterSeesOneTextFiveTimesAtMost goes through the library's recorder to what is stored.
func TestTheClusterSeesOneTextFiveTimesAtMost(t *testing.T) {
	client := fake.NewClientset()
	c := clocktesting.NewFakeClock(time.Now())
	object := &corev1.ObjectReference{Kind: "Namespace", Name: names.OperatorNamespace, Namespace: names.OperatorNamespace}
	recorder := newRecorder(client.CoreV1().Events(names.OperatorNamespace), object, newLedger(c, nil))
	repeat(recorder, 12)
	c.Step(repeatWindow)
	repeat(recorder, 3)
	// Different texts of one reason stay apart, however many there are.
	for i := range 15 {
		recorder.Eventf("Many", "number %d", i)
	}
	counts := untilStored(t, client, "the text 5 and 3 times and 15 others", func(counts map[string]int32) bool {
		return counts["Reason text"] == 8 && counts["Many number 14"] == 1
	})
	if len(counts) != 17 {
		t.Errorf("%d texts, want the repeated one, the announcement and 15 others: %v", len(counts), counts)
	}
}

// TestAReasonInMassesTakesNothingFromOthers goes the same way.
func TestAReasonInMassesTakesNothingFromOthers(t *testing.T) {
	client := fake.NewClientset()
	object := &corev1.ObjectReference{Kind: "Namespace", Name: names.OperatorNamespace, Namespace: names.OperatorNamespace}
	recorder := newRecorder(client.CoreV1().Events(names.OperatorNamespace), object, newLedger(clocktesting.NewFakeClock(time.Now()), nil))
	for i := range 100 {
		recorder.Eventf("Many", "number %d", i)
	}
	recorder.Event("Rare", "text")
	counts := untilStored(t, client, "the rare one among them", func(counts map[string]int32) bool { return counts["Rare text"] == 1 })
	if many := len(counts) - 1; many >= 100 {
		t.Errorf("all %d texts of a reason in masses are stored: nothing limits them", many)
	}
}

// untilStored waits for events, which are written behind the back of who raises them, and returns the counts of all.
func untilStored(t *testing.T, client *fake.Clientset, want string, there func(counts map[string]int32) bool) map[string]int32 {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		counts := stored(t, client)
		if there(counts) {
			return counts
		}
		select {
		case <-deadline:
			t.Fatalf("stored events: %v, want %s", counts, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stored sums the counts by text and fails for a single event with more than allowed.
func stored(t *testing.T, client *fake.Clientset) map[string]int32 {
	t.Helper()
	list, err := client.CoreV1().Events(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int32{}
	for _, event := range list.Items {
		counts[event.Reason+" "+event.Message] += event.Count
		if event.Count > maxRepeats {
			t.Fatalf("%s: %s has count %d", event.Reason, event.Message, event.Count)
		}
	}
	return counts
}

// A process that begins anew goes on counting where the one before it ended.
func TestTheLedgerKnowsWhatWasSaidBefore(t *testing.T) {
	now := time.Now()
	said := func(component string, count int32, ago time.Duration) corev1.Event {
		return corev1.Event{
			Type: corev1.EventTypeNormal, Reason: "Reason", Message: "text", Count: count, LastTimestamp: metav1.NewTime(now.Add(-ago)),
			Source: corev1.EventSource{Component: component},
		}
	}
	for name, tc := range map[string]struct {
		before []corev1.Event
		want   int
	}{
		"nothing":                         {nil, 5},
		"three times":                     {[]corev1.Event{said(eventComponent, 3, time.Minute)}, 2},
		"in two events of two components": {[]corev1.Event{said(eventComponent, 2, time.Hour), said(eventComponent+"-other", 2, time.Minute)}, 1},
		"too often":                       {[]corev1.Event{said(eventComponent, 9, time.Minute)}, 0},
		"long ago":                        {[]corev1.Event{said(eventComponent, 5, repeatWindow)}, 5},
		"an event without a count":        {[]corev1.Event{said(eventComponent, 0, time.Minute)}, 4},
		"by somebody else":                {[]corev1.Event{said("kubelet", 5, time.Minute)}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			a := &audience{}
			repeat(a.recorder(newLedger(clocktesting.NewFakeClock(now), tc.before)), 8)
			got := 0
			for _, message := range a.messages() {
				if message == "Reason: text" {
					got++
				}
			}
			if got != tc.want {
				t.Errorf("said %d times more, want %d", got, tc.want)
			}
		})
	}
}

func TestErasDoNotGoBackwardsAndOldSpeakersEnd(t *testing.T) {
	a := &audience{}
	v := newVoice(newLedger(clocktesting.NewFakeClock(time.Now()), nil), a.fresh)
	shutdowns := func() []int {
		var counts []int
		for _, h := range a.speakers {
			counts = append(counts, h.shutdowns)
		}
		return counts
	}
	for _, step := range []struct {
		name string
		era  int
		want []int
	}{
		{"the first era", 0, []int{0}},
		{"a new era", 1, []int{0, 0}},
		{"a text of the era before comes late", 0, []int{0, 0}},
		{"one of this era", 1, []int{0, 0}},
		{"the next era", 2, []int{1, 0, 0}},
	} {
		if v.turn(step.era); !slices.Equal(shutdowns(), step.want) {
			t.Fatalf("%s: shutdowns %v, want %v", step.name, shutdowns(), step.want)
		}
	}
}

// One broadcaster writes for all components, each of which is still named as the source of its events.
func TestEventsNameTheirComponent(t *testing.T) {
	client := fake.NewClientset()
	object := &corev1.ObjectReference{Kind: "Namespace", Name: names.OperatorNamespace, Namespace: names.OperatorNamespace}
	recorder := newRecorder(client.CoreV1().Events(names.OperatorNamespace), object, newLedger(clocktesting.NewFakeClock(time.Now()), nil))
	recorder.Event("First", "text")
	recorder.WithComponentSuffix("storage").Warning("Second", "text")
	untilStored(t, client, "both", func(counts map[string]int32) bool { return len(counts) == 2 })
	list, err := client.CoreV1().Events(names.OperatorNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, event := range list.Items {
		got[event.Reason] = event.Type + " from " + event.Source.Component + ", " + event.ReportingController
	}
	want := map[string]string{
		"First":  "Normal from " + eventComponent + ", " + eventComponent,
		"Second": "Warning from " + eventComponent + "-storage, " + eventComponent + "-storage",
	}
	if !maps.Equal(got, want) {
		t.Errorf("events %v\nwant %v", got, want)
	}
}
