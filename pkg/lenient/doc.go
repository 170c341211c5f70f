// Package lenient reads objects that administrators write and whose schema admits values that Go's types cannot hold, such
// as "1d" for a duration. A typed informer that meets one never syncs, which would end the whole operator, and a typed
// client reports an error for a write that has succeeded. Here such a value is left out of the object in memory, and
// noted on it, so that the controller that validates the object can name the field.
package lenient
