package library

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// OpenWatches is how many watches of a user were open at a time: begun by then, and not ended by then.
func (c *Cluster) OpenWatches(user string, at time.Time) (int, error) {
	file, err := os.Open(c.AuditLog)
	if err != nil {
		return 0, fmt.Errorf("reading the audit log: %w", err)
	}
	defer file.Close()
	return openWatches(file, user, at)
}

func openWatches(log io.Reader, user string, at time.Time) (int, error) {
	open := map[string]bool{}
	lines := bufio.NewScanner(log)
	lines.Buffer(make([]byte, 0, 1<<20), 1<<24)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), user) {
			continue
		}
		var event struct {
			AuditID        string    `json:"auditID"`
			StageTimestamp time.Time `json:"stageTimestamp"`
			AuditEvent
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			continue // the last line may be half written
		}
		if event.User.Username != user || !event.IsWatch() || event.StageTimestamp.After(at) {
			continue
		}
		switch event.Stage {
		case "ResponseStarted":
			open[event.AuditID] = true
		case "ResponseComplete", "Panic":
			delete(open, event.AuditID)
		}
	}
	return len(open), lines.Err()
}
