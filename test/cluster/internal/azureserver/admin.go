package azureserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// admin is the listener for tests.
func (f *front) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	f.records.Register(mux)
	f.faults.Register(mux)
	mux.HandleFunc("PUT /settings", func(w http.ResponseWriter, r *http.Request) {
		var settings Settings
		f.change(w, r, &settings, func() error { f.model.settings = settings; return nil })
	})
	mux.HandleFunc("GET /resources", f.listResources)
	mux.HandleFunc("PUT /resources", func(w http.ResponseWriter, r *http.Request) {
		var resource Resource
		f.change(w, r, &resource, func() error { return f.model.plant(&resource) })
	})
	mux.HandleFunc("DELETE /resources", func(_ http.ResponseWriter, r *http.Request) {
		f.model.mu.Lock()
		defer f.model.mu.Unlock()
		delete(f.model.resources, strings.ToLower(r.URL.Query().Get("id")))
	})
	mux.HandleFunc("PUT /keys", func(w http.ResponseWriter, r *http.Request) {
		f.change(w, r, nil, func() error { return f.model.giveKeys(r.URL.Query().Get("account")) })
	})
	mux.HandleFunc("PUT /taken", func(w http.ResponseWriter, r *http.Request) {
		f.change(w, r, nil, func() error { f.model.taken[r.URL.Query().Get("account")] = true; return nil })
	})
	return mux
}

// change does something to the model, with a body when into is not nil.
func (f *front) change(w http.ResponseWriter, r *http.Request, into any, do func() error) {
	if into != nil {
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	f.model.mu.Lock()
	defer f.model.mu.Unlock()
	if err := do(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (f *front) listResources(w http.ResponseWriter, _ *http.Request) {
	f.model.mu.Lock()
	defer f.model.mu.Unlock()
	list := []*Resource{}
	for _, id := range slices.Sorted(maps.Keys(f.model.resources)) {
		list = append(list, f.model.resources[id])
	}
	writeJSON(w, http.StatusOK, list)
}

// plant makes a resource that somebody else made, or changes one. An account that is there keeps its keys.
func (m *model) plant(resource *Resource) error {
	resource.Name = resource.ID[strings.LastIndex(resource.ID, "/")+1:]
	if resource.Properties == nil {
		resource.Properties = map[string]any{}
	}
	if _, given := resource.Properties["provisioningState"]; !given {
		resource.Properties["provisioningState"] = "Succeeded"
	}
	_, known := m.resources[strings.ToLower(resource.ID)]
	m.resources[strings.ToLower(resource.ID)] = resource
	if resource.Type == accountType && !known {
		return m.giveKeys(resource.Name)
	}
	return nil
}
