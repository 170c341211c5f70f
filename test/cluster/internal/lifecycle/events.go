package lifecycle

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// event is what the engine tells the supervisor, a line of JSON each.
type event struct {
	Step     string         `json:"step,omitempty"`
	Ready    bool           `json:"ready,omitempty"`
	NodePIDs map[string]int `json:"nodePIDs,omitempty"`
	// Error ends the cluster; Cure says what to do.
	Error string `json:"error,omitempty"`
	Cure  string `json:"cure,omitempty"`
}

// eventWriter is the engine's end. Steps run side by side.
type eventWriter struct {
	mu   sync.Mutex
	file *os.File
}

func (w *eventWriter) send(e event) {
	data, err := json.Marshal(e)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.file.Write(append(data, '\n')) // a supervisor that is gone kills the engine anyway
}

func (w *eventWriter) step(format string, args ...any) {
	w.send(event{Step: fmt.Sprintf(format, args...)})
}

// readEvents passes events on until the engine's end of the pipe is closed.
func readEvents(r io.Reader) <-chan event {
	events := make(chan event)
	go func() {
		defer close(events)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				events <- e
			}
		}
	}()
	return events
}

// Progress prints steps with the time since the start.
type Progress struct {
	out   io.Writer
	start time.Time
}

// NewProgress starts counting.
func NewProgress(out io.Writer) *Progress { return &Progress{out: out, start: time.Now()} }

// Step prints a line.
func (p *Progress) Step(format string, args ...any) {
	fmt.Fprintf(p.out, "%6.1fs  %s\n", p.Elapsed().Seconds(), fmt.Sprintf(format, args...))
}

// Elapsed is the time since the start.
func (p *Progress) Elapsed() time.Duration { return time.Since(p.start) }
