package records_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

type entry struct {
	Seq      int64  `json:"seq"`
	Status   int    `json:"status"`
	Document string `json:"document"`
}

// TestAClientWithItsAnswerFindsItRecorded asks from within: what the handler's client has can only be less than what was
// written.
func TestAClientWithItsAnswerFindsItRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(w http.ResponseWriter)
		want  entry
		body  string
	}{
		"nothing":   {func(http.ResponseWriter) {}, entry{Status: 0}, ""},
		"a body":    {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "all is well") }, entry{Status: 200}, "all is well"},
		"no body":   {func(w http.ResponseWriter) { w.WriteHeader(204) }, entry{Status: 204}, ""},
		"no entity": {func(w http.ResponseWriter) { w.WriteHeader(404) }, entry{Status: 404}, ""},
		"a refusal": {func(w http.ResponseWriter) {
			w.WriteHeader(403)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "no")
			_, _ = io.WriteString(w, ", really")
		}, entry{Status: 403, Document: "no"}, "no, really"},
		"a flush": {func(w http.ResponseWriter) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "late")
		}, entry{Status: 200}, "late"},
	} {
		t.Run(name, func(t *testing.T) {
			log := records.New(func(e *entry) *int64 { return &e.Seq })
			client := &watched{ResponseRecorder: httptest.NewRecorder(), log: log}
			answer := records.NewAnswer(client, func(status int, document []byte) {
				log.Add(entry{Status: status, Document: string(document)})
			})
			c.serve(answer)
			answer.End()
			got := log.After(0)
			if c.want.Seq = 1; got.Last != 1 || len(got.Requests) != 1 || got.Requests[0] != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
			if client.early {
				t.Error("the client had an answer that was not recorded")
			}
			if c.want.Status != 0 && client.Code != c.want.Status || client.Body.String() != c.body {
				t.Errorf("the client got %d %q", client.Code, client.Body)
			}
		})
	}
}

// watched notes an answer that comes before its record.
type watched struct {
	*httptest.ResponseRecorder
	log   *records.Log[entry]
	early bool
}

func (w *watched) look() { w.early = w.early || w.log.After(0).Last == 0 }

func (w *watched) WriteHeader(status int) {
	w.look()
	w.ResponseRecorder.WriteHeader(status)
}

func (w *watched) Write(data []byte) (int, error) {
	w.look()
	return w.ResponseRecorder.Write(data)
}

func (w *watched) Flush() {
	w.look()
	w.ResponseRecorder.Flush()
}

func TestNumbersDoNotComeBack(t *testing.T) {
	log := records.New(func(e *entry) *int64 { return &e.Seq })
	mux := http.NewServeMux()
	log.Register(mux)
	ask := func(method, path string) (int, records.Requests[entry]) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		var answer records.Requests[entry]
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		return w.Code, answer
	}
	log.Add(entry{Status: 1})
	log.Add(entry{Status: 2})
	if status, got := ask("GET", "/requests?after=1"); status != 200 || got.Last != 2 || len(got.Requests) != 1 || got.Requests[0].Seq != 2 {
		t.Errorf("after 1: %d %+v", status, got)
	}
	if status, _ := ask("GET", "/requests?after=x"); status != 400 {
		t.Errorf("after x: %d", status)
	}
	ask("DELETE", "/requests")
	log.Add(entry{Status: 3})
	if _, got := ask("GET", "/requests"); got.Last != 3 || len(got.Requests) != 1 || got.Requests[0].Seq != 3 {
		t.Errorf("after the log was cleared: %+v", got)
	}
}
