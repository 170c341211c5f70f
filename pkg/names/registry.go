package names

// Names that only the registry controller and the apply package share.
const (
	// ManagedAnnotationsAnnotation lists, separated by commas, the annotations on an object that come from
	// spec.unsupportedConfigOverrides, so that they go when the override goes.
	ManagedAnnotationsAnnotation = "imageregistry.operator.openshift.io/managed-annotations"
	// RequiredSCCAnnotation on a pod template pins the security context constraint.
	RequiredSCCAnnotation = "openshift.io/required-scc"
	// HostnameLabel is the well-known node label that tells nodes apart.
	HostnameLabel = "kubernetes.io/hostname"
	// WorkerLabel is the well-known node label of workers.
	WorkerLabel = "node-role.kubernetes.io/worker"
	// OSLabel is the well-known node label for the operating system.
	OSLabel = "kubernetes.io/os"
)
