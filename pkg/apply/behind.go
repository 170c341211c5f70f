package apply

import apierrors "k8s.io/apimachinery/pkg/api/errors"

// Behind tells that an error of a write only says that the cache is behind: somebody else has changed or made the object
// meanwhile. The event that brings the cache up to date brings the next sync, and there is nothing to tell anybody.
func Behind(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// MaxBehind is the number of syncs in a row that may find the cache behind, a few seconds of back-off.
const MaxBehind = 10

// Patience counts the syncs in a row that found the cache behind. A cache that stays behind is an error like any other.
type Patience struct{ syncs int }

// Behind is Behind for as long as there is patience.
func (p *Patience) Behind(err error) bool {
	if !Behind(err) {
		p.syncs = 0
		return false
	}
	p.syncs++
	return p.syncs <= MaxBehind
}
