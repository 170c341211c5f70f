package conditions

import (
	"errors"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// PermanentError is an error that only an edit can cure: it is shown at once and not retried in a loop.
type PermanentError struct {
	// Reason is one of the permanent reasons of package names.
	Reason string
	Err    error
}

// Error is the text of the cause.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent marks err as permanent.
func Permanent(reason string, err error) error {
	return &PermanentError{Reason: reason, Err: err}
}

// IsPermanent tells whether err is permanent or holds a permanent error.
func IsPermanent(err error) bool {
	var permanent *PermanentError
	return errors.As(err, &permanent)
}

// permanentReasons are the reasons with which a stage says that its error is permanent.
var permanentReasons = map[string]bool{
	names.ReasonVerificationFailed:         true,
	names.ReasonStorageNotConfigured:       true,
	names.ReasonMultipleStoragesConfigured: true,
	names.ReasonInvalidRequestLimits:       true,
	names.ReasonInvalidTLSSettings:         true,
	names.ReasonInvalidConfigOverrides:     true,
	names.ReasonRouteConflict:              true,
	names.ReasonStorageNotOwned:            true,
	names.ReasonStorageNotSupported:        true,
	names.ReasonStorageMoveFailed:          true,
}

// OneLine is the text of an error for a condition: the ClusterOperator repeats the lines of a message one by one, so joined
// errors go on one.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
