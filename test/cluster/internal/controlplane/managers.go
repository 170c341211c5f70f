package controlplane

import (
	"strconv"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// minimalControllers are those without which an API server alone behaves oddly: namespaces would never go away, there
// would be no default service account, no token Secret, no CA ConfigMap, no garbage collection of owned objects.
var minimalControllers = []string{
	"namespace-controller", "serviceaccount-controller", "serviceaccount-token-controller",
	"root-ca-certificate-publisher-controller", "garbage-collector-controller", "clusterrole-aggregation-controller",
}

// StartManagers starts the controller manager and, unless the control plane is minimal, the scheduler.
func StartManagers(g *process.Group, c Config, creds *Credentials) error {
	config, err := creds.User(c, "system:kube-controller-manager")
	if err != nil {
		return err
	}
	_, err = g.Start(process.Spec{
		Name: "kube-controller-manager",
		Path: c.Kube,
		Args: append([]string{"kube-controller-manager"}, controllerManagerFlags(c, creds, config)...),
	})
	if err != nil || c.Minimal {
		return err
	}
	if config, err = creds.User(c, "system:kube-scheduler"); err != nil {
		return err
	}
	_, err = g.Start(process.Spec{
		Name: "kube-scheduler",
		Path: c.Kube,
		Args: []string{
			"kube-scheduler",
			"--kubeconfig=" + config,
			"--bind-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(c.SchedulerPort),
			// There is one of it. A lease would cost two seconds at the start and a write every two seconds after.
			"--leader-elect=false",
		},
	})
	return err
}

func controllerManagerFlags(c Config, creds *Credentials, kubeconfig string) []string {
	ca := creds.CA.Files()
	flags := []string{
		"--kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.ControllerPort),
		"--leader-elect=false",
		// One user per controller in the audit log, with the rights of that controller only, as on a real cluster.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + creds.serviceAccountKey,
		"--root-ca-file=" + ca.Cert,
		"--cluster-signing-cert-file=" + ca.Cert,
		"--cluster-signing-key-file=" + ca.Key,
		// The ranges of the nodes are fixed in their CNI configuration.
		"--allocate-node-cidrs=false",
		"--service-cluster-ip-range=" + strings.Join(c.Family.Services(), ","),
		// A new node keeps the taint "not-ready" until the next look at the nodes; the default is 5 s.
		"--node-monitor-period=1s",
		// Simulated volumes do not exist and plugins are not looked for; the default folder is on the machine.
		"--flex-volume-plugin-dir=" + c.Dir + "/flexvolume",
	}
	if c.Minimal {
		flags = append(flags, "--controllers="+strings.Join(minimalControllers, ","))
	}
	return flags
}
