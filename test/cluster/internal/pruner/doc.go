// Package pruner is `oc adm prune images` as far as the operator's CronJob uses it: the same flags, the same rules of
// what is kept, the same requests to the registry. It decides from Image and ImageStream objects and from the pods and
// workloads that name images, removes the history entries of images nobody needs, with --prune-registry their layers,
// manifests and data, and in the end the Image objects.
//
// Differences from the real one: a flag that this program does not know, and --prune-over-size-limit, are errors; APIs of
// OpenShift that the cluster does not serve (builds, deployment configs) are taken for empty; references that pods make
// by tag count for the tag's latest image. A custom resource cannot be called sha256:…, so in a cluster whose Images are
// custom resources they are called sha256.…; both spellings are understood.
package pruner
