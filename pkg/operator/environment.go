package operator

import (
	"errors"
	"fmt"
)

// Environment is what the process takes from its environment variables. It is read once, in cmd.
type Environment struct {
	// ReleaseVersion (RELEASE_VERSION) goes into the annotation of the registry Deployment and, when not Managed, into
	// the ClusterOperator.
	ReleaseVersion string
	// ImageVersion (OPERATOR_IMAGE_VERSION) is the version looked up in the FeatureGate's status.
	ImageVersion string
	// RegistryImage (IMAGE) is the image of the registry.
	RegistryImage string
	// PrunerImage (IMAGE_PRUNER) has the command that prunes images.
	PrunerImage string
	// AzureEnvironmentFile (AZURE_ENVIRONMENT_FILEPATH) is where the endpoints of an Azure Stack are kept for the Azure
	// clients of this process. It is missed only on an Azure Stack.
	AzureEnvironmentFile string
	// AzureIdentityFile (MANAGED_AZURE_HCP_CREDENTIALS_FILE_PATH) is the certificate with which the operator of a hosted
	// control plane goes to Azure; empty everywhere else.
	AzureIdentityFile string
	// OperatorImage (OPERATOR_IMAGE) is our own image, which node-ca runs on the nodes.
	OperatorImage string
}

// EnvironmentFrom reads the variables through lookup. It names every missing one: with an empty image the registry
// would be broken much later and far from the cause.
func EnvironmentFrom(lookup func(string) string) (Environment, error) {
	env := Environment{
		ReleaseVersion:       lookup("RELEASE_VERSION"),
		ImageVersion:         lookup("OPERATOR_IMAGE_VERSION"),
		RegistryImage:        lookup("IMAGE"),
		PrunerImage:          lookup("IMAGE_PRUNER"),
		AzureEnvironmentFile: lookup("AZURE_ENVIRONMENT_FILEPATH"),
		AzureIdentityFile:    lookup("MANAGED_AZURE_HCP_CREDENTIALS_FILE_PATH"),
		OperatorImage:        lookup("OPERATOR_IMAGE"),
	}
	var missing []error
	for _, required := range []struct{ name, value string }{
		{"RELEASE_VERSION", env.ReleaseVersion},
		{"OPERATOR_IMAGE_VERSION", env.ImageVersion},
		{"IMAGE", env.RegistryImage},
		{"IMAGE_PRUNER", env.PrunerImage},
		{"OPERATOR_IMAGE", env.OperatorImage},
	} {
		if required.value == "" {
			missing = append(missing, fmt.Errorf("environment variable %s is not set", required.name))
		}
	}
	return env, errors.Join(missing...)
}
