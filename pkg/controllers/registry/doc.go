// Package registry is the controller that deploys the registry: from Config and the storage that is known to be good
// to Deployment, Service, RBAC and the Secrets the pod needs. It never talks to a cloud.
//
// Reads: Config; in the operator namespace the objects it writes, the Secrets and ConfigMaps that the pod mounts, the
// private pair Secret of the storage controller; the cluster pull secret; the Namespace (fsGroup); metadata of Nodes
// (is there a zone label); Proxy; Infrastructure (topology of the control plane).
//
// Writes: ClusterRole and ClusterRoleBinding, ServiceAccount, Secrets installation-pull-secrets,
// image-registry-private-configuration and image-registry-http-secret, Service, Deployment, PodDisruptionBudget,
// NetworkPolicy; spec.httpSecret when it is empty; status.readyReplicas, status.observedGeneration and the entry of the
// Deployment in status.generations. Removed and a deleted Config delete the objects again; Unmanaged touches nothing.
//
// Conditions: Available, Progressing, Degraded, Removed, ResourcesApplied; decided by package conditions.
//
// Triggers: everything it reads, plus the deadlines of the inertia table. Waiting is a requeue, never a loop.
package registry
