// Package imagestreams counts the tags of all image streams of a cluster while holding as little of them as possible.
//
// A cluster can have ten thousand streams with the history of hundreds of tags each, and all that is wanted of them is
// four numbers. So nothing here ever holds a whole stream, let alone a list of them: an object becomes two counts in the
// moment it is decoded, watches bring one object at a time, and where an API server has only lists, the answer is decoded
// while it is read, one item after the other.
package imagestreams
