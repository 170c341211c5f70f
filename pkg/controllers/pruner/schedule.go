package pruner

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// zoned tells whether a schedule names a time zone. The API server looks for these letters anywhere.
func zoned(schedule string) bool { return strings.Contains(schedule, "TZ") }

// parseSchedule accepts what the API server accepts in a new CronJob, and with zones what it accepts in one whose schedule
// has had a time zone since before that was refused.
func parseSchedule(schedule string, zones bool) (parsed cron.Schedule, err error) {
	if zoned(schedule) && !zones {
		return nil, errors.New("a time zone is not possible here; all times are UTC")
	}
	// The parser panics on some zones that are none.
	defer func() {
		if problem := recover(); problem != nil {
			parsed, err = nil, fmt.Errorf("%v", problem)
		}
	}()
	return cron.ParseStandard(schedule)
}

const (
	// successWithin is how long the pruner may be without a success before that counts as a fault.
	successWithin = 72 * time.Hour
	// longestRun is how long the first run that is due after a success may take to succeed: it may begin an hour late and
	// last 23 hours. Without it a schedule of once a week would be at fault three days after each success.
	longestRun = 24 * time.Hour
)

// overdueAt is when the lack of a success becomes a fault; zero for a schedule that is never due. Without a time zone of
// its own it is in UTC, which is what the CronJob controller of a cluster reckons in.
func overdueAt(schedule string, since time.Time) time.Time {
	parsed, err := parseSchedule(schedule, true)
	if err != nil {
		return time.Time{}
	}
	due := parsed.Next(since.UTC())
	if due.IsZero() {
		return time.Time{}
	}
	at := since.Add(successWithin)
	if chance := due.Add(longestRun); chance.After(at) {
		at = chance
	}
	return at
}
