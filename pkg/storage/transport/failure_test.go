package transport

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	date := func(after time.Duration) string { return now.Add(after).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name   string
		status int
		asked  string
		theirs string
		want   time.Duration
	}{
		{"nothing is asked for", 503, "", "", 0},
		{"seconds", 429, "17", "", 17 * time.Second},
		{"more seconds than we wait", 503, "86400", "", maxRetryAfter},
		{"no seconds", 503, "0", "", 0},
		{"seconds that are none", 503, "-3", "", 0},
		{"more than any number", 503, "99999999999999999999", "", 0},
		{"a date", 503, date(17 * time.Second), "", 17 * time.Second},
		{"a date far away", 429, date(24 * time.Hour), "", maxRetryAfter},
		{"a date of a thousand years hence", 503, "Fri, 01 Jan 3030 12:00:00 GMT", "", maxRetryAfter},
		{"a date that has passed", 503, date(-time.Minute), "", 0},
		{"a date by a clock that is ahead", 503, date(time.Hour + 17*time.Second), date(time.Hour), 17 * time.Second},
		{"a date by a clock that is behind", 503, date(-time.Hour + 17*time.Second), date(-time.Hour), 17 * time.Second},
		{"neither", 503, "soon", "", 0},
		{"an answer that is no refusal of the kind", 404, "17", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			header.Set("Retry-After", tt.asked)
			if tt.theirs != "" {
				header.Set("Date", tt.theirs)
			}
			if got := retryAfter(tt.status, header, now); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
