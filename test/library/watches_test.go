package library

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestOpenWatches(t *testing.T) {
	const user = "system:serviceaccount:ns:operator"
	event := func(id, verb, stage, user string, second int) string {
		return fmt.Sprintf(`{"auditID":%q,"verb":%q,"stage":%q,"user":{"username":%q},"stageTimestamp":"2026-01-01T00:00:%02d.000000Z"}`, id, verb, stage, user, second)
	}
	log := strings.Join([]string{
		event("a", "watch", "ResponseStarted", user, 1),
		event("b", "watch", "ResponseStarted", user, 2),
		event("c", "list", "ResponseComplete", user, 2),
		event("d", "watch", "ResponseStarted", user+"-other", 2),
		event("a", "watch", "ResponseComplete", user, 10),
		event("e", "watch", "ResponseStarted", user, 11),
		`{"auditID":"f","verb":"watch","stage":"ResponseSt`,
	}, "\n")
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		second int
		want   int
	}{
		{"before any is open", 0, 0},
		{"one is open", 1, 1},
		{"two are open, another user's and a list do not count", 9, 2},
		{"one has ended", 10, 1},
		{"a new one is open in its place", 11, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := openWatches(strings.NewReader(log), user, begin.Add(time.Duration(c.second)*time.Second))
			if err != nil || got != c.want {
				t.Errorf("%d watches, %v; want %d", got, err, c.want)
			}
		})
	}
}
