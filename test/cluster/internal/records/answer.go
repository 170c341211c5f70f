package records

import (
	"bytes"
	"net/http"
)

// maxDocument bounds what is kept of the document of a refusal.
const maxDocument = 4096

// Answer passes an answer on to the client, and tells of it just before: an answer that is sent first would let the client
// ask for the records, or send its next request, before this one is there.
type Answer struct {
	http.ResponseWriter
	tell func(status int, document []byte)

	status int
	// held is a refusal's header that waits for the document, which is told with it.
	held, told bool
}

// NewAnswer wraps w. tell is called once, with the status and, if that is 300 or more, with the beginning of the document;
// status is 0 where nothing was answered. The caller defers End.
func NewAnswer(w http.ResponseWriter, tell func(status int, document []byte)) *Answer {
	return &Answer{ResponseWriter: w, tell: tell}
}

// WriteHeader tells of the answer and sends the header; that of a refusal goes with the document.
func (a *Answer) WriteHeader(status int) {
	if a.status != 0 || status < http.StatusOK {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.status = status
	if a.held = status >= http.StatusMultipleChoices; !a.held {
		a.release(nil)
	}
}

// Write sends a part of the body.
func (a *Answer) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.held {
		a.release(data)
	}
	return a.ResponseWriter.Write(data)
}

// FlushError sends what is there, for http.ResponseController. A header that is held goes alone only when there is no
// document.
func (a *Answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.held {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Tell tells now, before there is an answer: of a request that will be held.
func (a *Answer) Tell() { a.tellOnce(nil) }

func (a *Answer) tellOnce(document []byte) {
	if !a.told {
		a.told = true
		a.tell(a.status, bytes.Clone(document[:min(len(document), maxDocument)]))
	}
}

// End sends a header that is still held, and tells of a request that was never answered.
func (a *Answer) End() {
	if a.held {
		a.release(nil)
	}
	a.tellOnce(nil)
}

func (a *Answer) release(document []byte) {
	a.held = false
	a.tellOnce(document)
	a.ResponseWriter.WriteHeader(a.status)
}
