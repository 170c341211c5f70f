package lifecycle

import (
	"errors"
	"fmt"
)

// cured is an error with what to do about it.
type cured struct {
	error
	cure string
}

// Unwrap gives the error without its cure.
func (c cured) Unwrap() error { return c.error }

// Cure adds what to do about an error; the command line prints it on a line of its own.
func Cure(err error, cure string) error {
	if err == nil {
		return nil
	}
	return cured{error: err, cure: cure}
}

// CureOf returns what to do about an error, if anybody knew.
func CureOf(err error) string {
	var c cured
	if errors.As(err, &c) {
		return c.cure
	}
	return ""
}

// downCommands end a cluster: what users of the repository type, and what those of this program do.
func downCommands(name string) string {
	return fmt.Sprintf("`make down NAME=%[1]s` (or `cluster down --name %[1]s`)", name)
}
