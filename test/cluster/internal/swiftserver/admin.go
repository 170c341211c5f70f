package swiftserver

import (
	"net/http"
)

// adminHandler serves tests; its requests are neither recorded nor subject to faults.
func adminHandler(f *front, k *keystone) http.Handler {
	mux := http.NewServeMux()
	f.records.Register(mux)
	f.faults.Register(mux)
	mux.HandleFunc("DELETE /tokens", func(w http.ResponseWriter, _ *http.Request) {
		k.revoke()
		w.WriteHeader(http.StatusNoContent)
	})
	// What follows is the way past the front: the whole API of Keystone and Swift.
	mux.Handle("/v3/", f.identity)
	mux.Handle("/v1/", f.store)
	mux.Handle("/healthcheck", f.store)
	return mux
}
