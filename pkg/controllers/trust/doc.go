// Package trust publishes the certificate authorities that go with the registry: for its pods and for all nodes
// (ConfigMap image-registry-certificates), and for machine configuration (ConfigMap image-registry-ca in
// openshift-config-managed). It does so in every management state.
//
// Reads: Config, Service image-registry, images.config.openshift.io/cluster; the ConfigMaps serviceca, the one that
// spec.additionalTrustedCA names, and both outputs; what the storage's CA comes from, and on which storage the registry's
// pods are.
//
// Writes: both outputs; the metadata of ConfigMap serviceca, whose data belongs to the service CA.
//
// Conditions: ImageRegistryCertificatesControllerDegraded. True/Error as soon as something is missing, too large or
// cannot be written; False/AsExpected otherwise, with a message when something published looks wrong.
//
// Triggers: everything it reads.
//
// One bad or missing source never holds back the others. What was published of a source that is gone, or that has become
// text without any certificate, stays; so does what fitted before when it has grown too large, and the CA of a storage that
// pods of the registry are still on.
package trust
