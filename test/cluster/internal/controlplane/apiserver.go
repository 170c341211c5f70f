package controlplane

import (
	"fmt"
	"strconv"
	"strings"
)

// auditPolicy records who did what to which object and with what result, for every request: the tests look there for
// forbidden requests and for requests of an operator that should be silent. Bodies are not recorded: they hold secrets.
// RequestReceived is omitted because each request would be there twice; ResponseStarted stays, as it is the only trace
// of a watch that is still open.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: ["RequestReceived"]
rules:
- level: Metadata
`

func apiServerFlags(c Config, creds *Credentials, auditPolicyFile string) []string {
	ca := creds.CA.Files().Cert
	return []string{
		"--bind-address=" + c.Bind,
		"--secure-port=" + strconv.Itoa(c.APIPort),
		// What the kubernetes Service points to. The loopback address is refused by the server itself.
		"--advertise-address=" + c.advertised(),
		// "none" where no pod will ever use the Service: the reconciler then needs no routable address.
		"--endpoint-reconciler-type=" + c.endpointReconciler(),
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.EtcdPort),
		"--service-cluster-ip-range=" + strings.Join(c.Family.Services(), ","),

		// As on a real cluster: a kubelet may only touch what belongs to its node (Node and NodeRestriction), and
		// everybody else has what RBAC grants. An operator that lacks a rule fails here as it would there.
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--client-ca-file=" + ca,
		"--tls-cert-file=" + creds.serving.Cert,
		"--tls-private-key-file=" + creds.serving.Key,
		"--kubelet-client-certificate=" + creds.kubeletClient.Cert,
		"--kubelet-client-key=" + creds.kubeletClient.Key,
		"--kubelet-certificate-authority=" + ca,
		// The API server would try the node's host name first, which no DNS knows: logs and exec need the address.
		"--kubelet-preferred-address-types=InternalIP",

		"--service-account-issuer=" + TokenIssuer,
		"--service-account-key-file=" + creds.serviceAccountKey,
		"--service-account-signing-key-file=" + creds.serviceAccountKey,

		// Servers with delegated authentication (the operator's metrics port is one) read these from the ConfigMap
		// kube-system/extension-apiserver-authentication and log errors when they are missing.
		"--requestheader-client-ca-file=" + creds.FrontProxy.Files().Cert,
		"--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + creds.frontProxyClient.Cert,
		"--proxy-client-key-file=" + creds.frontProxyClient.Key,

		"--audit-policy-file=" + auditPolicyFile,
		"--audit-log-path=" + c.AuditLog,
		// Events are written one by one as requests end, not in batches: a test can read the log right after its request.
		"--audit-log-mode=blocking",
		// One file, never rotated: a test counts over the whole run. The unit is megabytes; 0 would mean 100.
		"--audit-log-maxsize=65536",

		"--allow-privileged=true",
		"--profiling=false",
		// CRDs are published into one OpenAPI document; nothing else here makes the server slow to stop.
		"--shutdown-delay-duration=0s",
	}
}

func (c Config) advertised() string {
	if c.loopback() {
		// Only passes the flag's validation; the reconciler type "none" never publishes it.
		return c.Family.Documentation()
	}
	return c.Advertise
}

func (c Config) endpointReconciler() string {
	if c.loopback() {
		return "none"
	}
	return "lease"
}

func (c Config) loopback() bool { return c.Advertise == c.Family.Loopback() }
