// Package pruner keeps the image pruner: a CronJob that removes images nobody uses, and what it needs to do so. It does
// in every management state of the registry; the state only decides whether blobs are pruned too.
//
// Reads: ImagePruner, Config (its state), images.config.openshift.io/cluster (the registry's internal host name); the
// Jobs of the CronJob; the objects below.
//
// Writes: ImagePruner cluster when there is none, and its whole status; ClusterRole system:image-pruner, ClusterRoleBinding
// openshift-image-registry-pruner, ServiceAccount pruner, NetworkPolicy image-pruner-networkpolicy, CronJob image-pruner.
//
// Conditions, all on ImagePruner: Available (the CronJob exists), Failed (the last run failed), Scheduled (not
// suspended), Degraded, and ResourcesApplied, whose transition time is the start of a failing streak. Degraded is True
//
//   - VerificationFailed at once, when the spec asks for what cannot be: the CronJob stays as it is until that is cured;
//   - SyncError when an object cannot be written: at once without a CronJob, else after 15 minutes;
//   - JobFailed when three runs in a row have failed;
//   - NoRecentSuccess when runs were due and none has succeeded for 72 hours.
//
// What is counted is stored (Jobs, the status of the CronJob and annotations on it), so that a restart changes nothing.
//
// Triggers: everything it reads, and the time at which a condition changes by itself.
package pruner
