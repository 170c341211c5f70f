// Package nodeca keeps the DaemonSet that brings CAs to every node (see pkg/nodeca for its program), in every management
// state. It is never removed: nodes trust what administrators list in additionalTrustedCA whether there is a registry or
// not.
//
// Reads: Config, DaemonSet node-ca.
//
// Writes: DaemonSet node-ca, its entry in status.generations.
//
// Conditions: NodeCADaemonAvailable and NodeCADaemonProgressing say how the pods are; that there is none is held back for two
// minutes, in which NodeCADaemonServing tells since when. NodeCADaemonApplied is the outcome
// of the latest write at once; NodeCADaemonControllerDegraded follows its errors after two minutes.
//
// Triggers: everything it reads.
//
// On a new cluster it waits for the first core conditions: the registry comes first.
package nodeca
