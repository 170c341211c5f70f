package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// UnknownError is the reason of StorageExists and its companions for a failure that carries no code of the cloud.
const UnknownError = "Unknown Error Occurred"

// Error is a failure of storage with what the conditions have to say about it. A failure that is not an *Error is
// transient and leaves StorageExists Unknown.
type Error struct {
	// Status and ConditionReason are what StorageExists shows. An empty Status leaves the condition as it is: the
	// failure says nothing about the medium.
	Status          operatorv1.ConditionStatus
	ConditionReason string
	// Reason is what StorageReady shows: a permanent or a waiting reason of package names, or empty for a transient
	// error.
	Reason string
	// Permanent errors are not retried before an input changes; they degrade at once.
	Permanent bool
	// RetryAfter is how long the cloud asked us to wait; zero leaves it to the caller.
	RetryAfter time.Duration
	// Message says what is wrong, where, and what to do. It never contains a secret.
	Message string
	// Code is the cloud's error code, for tests and metrics.
	Code string
	// Err is the cause, if any.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Condition is the StorageExists condition for err; nil when err says nothing about the medium.
func Condition(err error) *operatorv1.OperatorCondition {
	condition := &operatorv1.OperatorCondition{
		Type:    names.StorageExists,
		Status:  operatorv1.ConditionUnknown,
		Reason:  UnknownError,
		Message: err.Error(),
	}
	var e *Error
	if !errors.As(err, &e) {
		return condition
	}
	if e.Status == "" {
		return nil
	}
	condition.Status, condition.Reason = e.Status, e.ConditionReason
	return condition
}

// NotConfigured is the error for a spec.storage without any member.
func NotConfigured(message string) *Error {
	return &Error{Reason: names.ReasonStorageNotConfigured, Permanent: true, Message: message}
}

// MultipleConfigured is the error for a spec.storage with more than one member.
func MultipleConfigured(kinds []Kind) *Error {
	list := make([]string, len(kinds))
	for i, kind := range kinds {
		list[i] = string(kind)
	}
	return &Error{
		Reason:    names.ReasonMultipleStoragesConfigured,
		Permanent: true,
		Message: fmt.Sprintf("exactly one storage type may be configured in spec.storage, found %d: [%s]; remove all but one",
			len(kinds), strings.Join(list, " ")),
	}
}

// NotSupported is the error for a kind of storage that this release cannot serve.
func NotSupported(kind Kind) *Error {
	return &Error{
		Reason:    names.ReasonStorageNotSupported,
		Permanent: true,
		Message: fmt.Sprintf("storage type %s is not supported by this release of the operator; "+
			"configure another type in spec.storage, or set spec.managementState to Removed", kind),
	}
}

// NotOwned is the error for a medium that may not be deleted because nothing proves that the operator made it.
func NotOwned(message string) *Error {
	return &Error{
		Status:          operatorv1.ConditionTrue,
		ConditionReason: names.ReasonStorageNotOwned,
		Reason:          names.ReasonStorageNotOwned,
		Permanent:       true,
		Message:         message,
	}
}

// WaitingForCredentials is the error for credentials that do not exist yet; message names the Secret and its keys.
func WaitingForCredentials(message string) *Error {
	return &Error{Reason: names.ReasonWaitingForCredentials, Message: message}
}
