package library

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func said(reason, object, message string, count int32) corev1.Event {
	return corev1.Event{Reason: reason, Message: message, Count: count, InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Name: object}}
}

func TestRepeatedAddsUpWhatDifferentEventsSay(t *testing.T) {
	for name, test := range map[string]struct {
		events []corev1.Event
		want   []string
	}{
		"one text at the limit":             {events: []corev1.Event{said("Reason", "a", "text", 5)}},
		"one event above the limit":         {events: []corev1.Event{said("Reason", "a", "text", 6)}, want: []string{"6 times: Reason Deployment//a: text"}},
		"two events that say the same":      {events: []corev1.Event{said("Reason", "a", "text", 3), said("Reason", "a", "text", 3)}, want: []string{"6 times: Reason Deployment//a: text"}},
		"an event without a count is one":   {events: []corev1.Event{said("Reason", "a", "text", 5), said("Reason", "a", "text", 0)}, want: []string{"6 times: Reason Deployment//a: text"}},
		"the same text about other objects": {events: []corev1.Event{said("Reason", "a", "text", 5), said("Reason", "b", "text", 5)}},
		"other texts about the same object": {events: []corev1.Event{said("Reason", "a", "text", 5), said("Reason", "a", "other", 5)}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Repeated(test.events)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestIndiscreetNamesTheEventAndNotTheSecret(t *testing.T) {
	events := []corev1.Event{said("Quiet", "a", "nothing to see", 1), said("Loud", "b", "the key is abc, or def", 1)}
	if diff := cmp.Diff([]string{"Loud on Deployment b"}, Indiscreet(events, "def", "abc")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Indiscreet(events, "ghi"); len(got) > 0 {
		t.Errorf("found %v", got)
	}
}
