package names

// NodeCAController keeps DaemonSet NodeCA.
const NodeCAController = "ImageRegistryNodeCAController"

// NodeCA is the name of the DaemonSet that brings CAs to the nodes, of its ServiceAccount and of its container.
const NodeCA = "node-ca"

// Conditions of DaemonSet NodeCA.
const (
	// NodeCAAvailable says whether any node has a running pod.
	NodeCAAvailable = "NodeCADaemonAvailable"
	// NodeCAProgressing says whether pods are being replaced.
	NodeCAProgressing = "NodeCADaemonProgressing"
	// NodeCADegraded says that the DaemonSet has not been what it should be for a while.
	NodeCADegraded = "NodeCADaemonControllerDegraded"
	// NodeCAApplied is the outcome of the latest write; its transition time is the start of a failing streak. Not
	// aggregated.
	NodeCAApplied = "NodeCADaemonApplied"
	// NodeCAServing is False while no pod is available and NodeCAAvailable does not say so yet, and not there otherwise; its
	// transition time is when that began. Not aggregated.
	NodeCAServing = "NodeCADaemonServing"
)

// Reasons of these conditions.
const (
	ReasonNotFound            = "NotFound"
	ReasonUnknown             = "Unknown"
	ReasonNoAvailableReplicas = "NoAvailableReplicas"
	ReasonProgressing         = "Progressing"
)
