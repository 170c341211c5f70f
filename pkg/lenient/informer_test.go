package lenient

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	imageregistrylisters "github.com/openshift/client-go/imageregistry/listers/imageregistry/v1"
)

// The real informer over HTTP: what Go's types cannot hold must neither keep it from syncing nor end its watch.
func TestTheInformerLivesWithAnyImagePruner(t *testing.T) {
	edits := make(chan map[string]any, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Path + "?" + r.URL.Query().Get("fieldSelector"); got != "/apis/imageregistry.operator.openshift.io/v1/imagepruners?metadata.name=cluster" {
			t.Errorf("asked for %s", got)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" {
			_ = json.NewEncoder(w).Encode(map[string]any{
				"apiVersion": "imageregistry.operator.openshift.io/v1", "kind": "ImagePrunerList", "metadata": map[string]any{"resourceVersion": "1"},
				"items": []any{untyped(map[string]any{"keepYoungerThanDuration": "1d"}).Object},
			})
			return
		}
		if r.URL.Query().Get("sendInitialEvents") != "" {
			http.Error(w, "lists only", http.StatusUnprocessableEntity)
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case spec := <-edits:
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": untyped(spec).Object})
		}
	}))
	t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	factory, informer := Informer[imageregistryv1.ImagePruner](client, imageregistryv1.GroupVersion.WithResource("imagepruners"), "cluster")
	factory.Start(t.Context().Done())
	lister := imageregistrylisters.NewImagePrunerLister(informer.GetIndexer())
	seen := func(what string, is func(*imageregistryv1.ImagePruner) bool) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		deadline := time.After(30 * time.Second)
		for {
			pruner, err := lister.Get("cluster")
			if err == nil && is(pruner) {
				return
			}
			select {
			case <-deadline:
				t.Fatalf("waited for %s: %+v, %v", what, pruner, err)
			case <-tick.C:
			}
		}
	}
	seen("the object", func(p *imageregistryv1.ImagePruner) bool { return len(Problems(p)) == 1 })
	edits <- map[string]any{"schedule": "@daily", "keepYoungerThanDuration": "2w"}
	seen("another bad value", func(p *imageregistryv1.ImagePruner) bool {
		return p.Spec.Schedule == "@daily" && len(Problems(p)) == 1
	})
	edits <- map[string]any{"keepYoungerThanDuration": "24h"}
	seen("the cure", func(p *imageregistryv1.ImagePruner) bool {
		return p.Spec.KeepYoungerThanDuration != nil && len(Problems(p)) == 0
	})
}
