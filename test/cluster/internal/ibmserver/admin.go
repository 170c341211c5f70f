package ibmserver

import (
	"net/http"
)

// Made is the answer to PUT /instances/NAME.
type Made struct {
	Instance string `json:"instance"`
	Key      string `json:"key"`
}

func (c *cloud) admin() http.Handler {
	mux := http.NewServeMux()
	locked := func(pattern string, handler http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			defer c.mu.Unlock()
			handler(w, r)
		})
	}
	locked("GET /instances", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, append([]*Instance{}, c.instances...))
	})
	locked("PUT /instances/{name}", c.putInstance)
	locked("PUT /states/{name}", func(_ http.ResponseWriter, r *http.Request) {
		for _, i := range c.instances {
			if i.Name == r.PathValue("name") {
				i.State = r.URL.Query().Get("state")
			}
		}
	})
	locked("DELETE /tokens", func(http.ResponseWriter, *http.Request) { clear(c.tokens) })
	// Not under the lock: a fault may hold requests that want it.
	c.records.Register(mux)
	c.faults.Register(mux)
	return mux
}

func (c *cloud) putInstance(w http.ResponseWriter, r *http.Request) {
	account := &c.options.Main
	if r.URL.Query().Get("account") == "other" {
		account = &c.options.Other
	}
	i := c.add(account, r.PathValue("name"), groupID, plan, nil)
	k := c.addKey(account, i, r.PathValue("name"), "crn:v1:bluemix:public:iam::::serviceRole:Manager", true)
	writeJSON(w, http.StatusCreated, Made{Instance: i.CRN, Key: k.CRN})
}
