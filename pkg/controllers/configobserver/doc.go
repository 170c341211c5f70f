// Package configobserver brings the cluster's TLS security profile into Config.spec.observedConfig, from where the
// registry takes it. It is at work in every management state: an administrator who takes over finds current settings.
//
// Reads: Config, apiservers.config.openshift.io/cluster. Its tlsAdherence changes nothing: the registry has always
// followed the profile, and components that do so go on in either mode.
//
// Writes: spec.observedConfig, whole: what is not of a profile goes.
//
// Conditions: ConfigObservationDegraded. True/Error as soon as the profile cannot be expressed or written; False without
// a reason otherwise. What was observed last stays meanwhile.
//
// Triggers: both kinds it reads.
package configobserver
