// Package platform has two small controllers for what platforms and earlier releases leave at our door.
//
// The Azure Stack controller keeps the file that AZURE_ENVIRONMENT_FILEPATH names, from which Azure clients of this
// process learn the endpoints of an Azure Stack.
//
//	Reads: Infrastructure, ConfigMap openshift-config/cloud-provider-config, Config. On other platforms it does nothing.
//	Writes: the file.
//	Conditions: AzureStackCloudControllerDegraded, True/Error at once, else False/AsExpected.
//	Triggers: everything it reads.
//
// The leftovers controller removes conditions that nobody keeps up any more, which the ClusterOperator would go on
// showing, and the Job of a migration that is over.
//
//	Reads: Config, Infrastructure.
//	Writes: removes conditions of types that earlier releases wrote, when those who write them now do without them;
//	deletes Job azure-path-fix, on Azure only.
//	Conditions: none of its own.
//	Triggers: everything it reads.
package platform
