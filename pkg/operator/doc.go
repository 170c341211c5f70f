// Package operator is the process: it reads its inputs, waits for the lease, builds the informers and the controllers,
// runs them, and leaves in order.
//
// From the first moment to the last it serves /metrics, /healthz and /readyz. Every way out but a second signal goes
// through the same door: the workers are told to stop and get ten seconds to do so, then the lease is released, then
// the process ends. This is the only package that imports the storage backends.
package operator
