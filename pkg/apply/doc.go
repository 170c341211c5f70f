// Package apply brings live objects to their desired state. It has no policy: what is desired, and in which order, is
// decided elsewhere.
//
// Every object is compared field by field with the cached live object on every call. What we own is put back at once
// when somebody changed it; labels, annotations and fields that others own survive. Nothing is written without a
// difference, and a write carries the resourceVersion of the object that was compared: a conflict is returned, and the
// event that follows brings the sync back. Logs name the object and the paths of changed fields, never values.
package apply
