// Package imageconfig publishes where the registry can be reached in the status of images.config.openshift.io/cluster,
// which builds, image streams and the pruner read. It does so in every management state: what it publishes follows the
// Service and the Routes, so that Removed needs no rule of its own.
//
// Reads: Config (for the time to begin and the streak of failures), Image cluster, Service image-registry, Routes of the
// operator's namespace, and ClusterVersion where the feature gate ImageStreamImportMode is on.
//
// Writes: Image cluster where it is absent; status.internalRegistryHostname, status.externalRegistryHostnames and, with
// the gate, status.imageStreamImportMode. While the API of routes does not answer, the external hostnames stay as they
// are.
//
// Conditions: ImageConfigControllerDegraded, True/Error once the failures have lasted for its inertia, else
// False/AsExpected; ImageConfigReady, False/Error with the first failure, which is where the streak is remembered.
//
// Triggers: everything it reads.
package imageconfig
