package queue

import "github.com/openshift/library-go/pkg/controller/factory"

// Unhurried hides from the factory that an informer has not synced: the factory would end the process after ten minutes,
// and an API that is not served must not end the whole operator. The controller looks for itself.
func Unhurried(informer factory.Informer) factory.Informer { return unhurried{informer} }

type unhurried struct{ factory.Informer }

// HasSynced is always true.
func (unhurried) HasSynced() bool { return true }
