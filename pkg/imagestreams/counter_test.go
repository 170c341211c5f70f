package imagestreams

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// deadline is for what happens within seconds unless it never does.
const deadline = 30 * time.Second

// api is an API server for image streams and nothing else.
type api struct {
	mu sync.Mutex
	// absent answers every request with 503, as the aggregator does while the server behind it is down.
	absent bool
	// noWatchList refuses to bring a list by a watch, as older servers do.
	noWatchList bool
	// lists are the queries of list requests, watches those of watches.
	lists, watches []string
	// events are sent to the open watch.
	events chan string
	stop   chan struct{}
}

func stream(namespace, name, version string, specified, tags []string) string {
	s := map[string]any{
		"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
		"metadata": map[string]any{"namespace": namespace, "name": name, "resourceVersion": version},
	}
	var spec, status []any
	for _, tag := range specified {
		spec = append(spec, map[string]any{"name": tag})
	}
	for _, tag := range tags {
		status = append(status, map[string]any{"tag": tag})
	}
	s["spec"], s["status"] = map[string]any{"tags": spec}, map[string]any{"tags": status}
	out, _ := json.Marshal(s)
	return string(out)
}

func event(kind, object string) string { return fmt.Sprintf(`{"type":%q,"object":%s}`, kind, object) }

var initial = []string{
	stream("openshift", "cli", "5", []string{"latest"}, []string{"latest", "built"}),
	stream("team", "app", "6", nil, []string{"v1", "v2", "v3"}),
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: "no",
	})
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	absent, noWatchList := a.absent, a.noWatchList
	query := r.URL.Query()
	if query.Get("watch") == "true" {
		a.watches = append(a.watches, r.URL.RawQuery)
	} else {
		a.lists = append(a.lists, r.URL.RawQuery)
	}
	a.mu.Unlock()
	switch {
	case absent || r.URL.Path != "/apis/image.openshift.io/v1/imagestreams":
		refuse(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
	case query.Get("sendInitialEvents") == "true" && noWatchList:
		refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
	case query.Get("watch") == "true":
		a.serveWatch(w, r, query.Get("sendInitialEvents") == "true")
	case query.Get("continue") == "":
		_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"6","continue":"more"},"items":[%s]}`, initial[0])
	default:
		_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"6"},"items":[%s]}`, initial[1])
	}
}

func (a *api) serveWatch(w http.ResponseWriter, r *http.Request, withList bool) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	send := func(line string) {
		_, _ = fmt.Fprintln(w, line)
		w.(http.Flusher).Flush()
	}
	if withList {
		for _, object := range initial {
			send(event("ADDED", object))
		}
		send(event("BOOKMARK", `{"apiVersion":"image.openshift.io/v1","kind":"ImageStream","metadata":{"resourceVersion":"6","annotations":{"k8s.io/initial-events-end":"true"}}}`))
	}
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-a.stop:
			return
		case line := <-a.events:
			send(line)
		}
	}
}

// started is a counter that watches a.
func started(t *testing.T, a *api) *Counter {
	t.Helper()
	a.events, a.stop = make(chan string), make(chan struct{})
	server := httptest.NewServer(a)
	client, err := NewClient(&rest.Config{Host: server.URL, QPS: -1}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	counter := NewCounter(client)
	stop := make(chan struct{})
	counter.Start(stop)
	counter.Start(stop) // a second one is one too many, and must not matter
	t.Cleanup(func() { close(stop); counter.Shutdown(); close(a.stop); server.Close() })
	return counter
}

func await(t *testing.T, counter *Counter, want Counts) {
	t.Helper()
	for end := time.Now().Add(deadline); ; <-time.After(5 * time.Millisecond) {
		got, known := counter.Count()
		if known && got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got %+v (known %t), want %+v", got, known, want)
		}
	}
}

// atFirst is what the initial streams count to.
var atFirst = Counts{Platform: Tags{Imported: 1, Pushed: 1}, Other: Tags{Pushed: 3}}

func TestCounterFollowsTheStreams(t *testing.T) {
	for name, a := range map[string]*api{"by watch alone": {}, "by pages of a list where a watch brings none": {noWatchList: true}} {
		t.Run(name, func(t *testing.T) {
			counter := started(t, a)
			await(t, counter, atFirst)
			if a.noWatchList != (len(a.lists) == 2) {
				t.Errorf("lists: %v", a.lists)
			}
			a.events <- event("MODIFIED", stream("team", "app", "7", []string{"v1"}, []string{"v1", "v2"}))
			await(t, counter, Counts{Platform: Tags{1, 1}, Other: Tags{1, 1}})
			a.events <- event("ADDED", stream("openshiftfoo", "new", "8", nil, []string{"a"}))
			await(t, counter, Counts{Platform: Tags{1, 2}, Other: Tags{1, 1}})
			a.events <- event("DELETED", stream("team", "app", "9", []string{"v1"}, []string{"v1", "v2"}))
			await(t, counter, Counts{Platform: Tags{1, 2}})
		})
	}
}

func TestCountsAreUnknownUntilTheAPIAnswers(t *testing.T) {
	a := &api{absent: true}
	counter := started(t, a)
	asked := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.lists) + len(a.watches)
	}
	for end := time.Now().Add(deadline); asked() < 2; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was asked for")
		}
	}
	if got, known := counter.Count(); known {
		t.Errorf("an API that is down was counted: %+v", got)
	}
	a.mu.Lock()
	a.absent = false
	a.mu.Unlock()
	await(t, counter, atFirst)
}

func TestAnErrorOfAWatchLeadsToANewOne(t *testing.T) {
	a := &api{}
	counter := started(t, a)
	await(t, counter, atFirst)
	a.events <- `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}}`
	for end := time.Now().Add(deadline); ; <-time.After(5 * time.Millisecond) {
		a.mu.Lock()
		watches := strings.Join(a.watches, "\n")
		n := len(a.watches)
		a.mu.Unlock()
		if n > 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no second watch: %s", watches)
		}
	}
	await(t, counter, atFirst)
}
