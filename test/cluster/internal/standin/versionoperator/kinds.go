package versionoperator

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is what the version operator must know about a kind it applies.
type kind struct {
	resource   schema.GroupVersionResource
	namespaced bool
	// exact are the fields that belong to the manifest as a whole: a foreign addition inside them (one more rule, one more
	// subject, a narrower selector) changes their meaning, so it is removed. Elsewhere foreign additions survive.
	exact [][]string
}

// kinds are all the kinds a release may hold, all of version v1. A kind that is not listed is an error, not a guess.
var kinds = map[schema.GroupVersionKind]kind{
	gvk("", "Namespace"):      {resource: gvrOf("", "namespaces")},
	gvk("", "ConfigMap"):      {resource: gvrOf("", "configmaps"), namespaced: true},
	gvk("", "Secret"):         {resource: gvrOf("", "secrets"), namespaced: true},
	gvk("", "Service"):        {resource: gvrOf("", "services"), namespaced: true, exact: [][]string{{"spec", "selector"}}},
	gvk("", "ServiceAccount"): {resource: gvrOf("", "serviceaccounts"), namespaced: true},

	gvk("apps", "Deployment"): {resource: gvrOf("apps", "deployments"), namespaced: true},
	gvk("apps", "DaemonSet"):  {resource: gvrOf("apps", "daemonsets"), namespaced: true},

	gvk(rbacGroup, "ClusterRole"):        {resource: gvrOf(rbacGroup, "clusterroles"), exact: exactRole},
	gvk(rbacGroup, "Role"):               {resource: gvrOf(rbacGroup, "roles"), namespaced: true, exact: exactRole},
	gvk(rbacGroup, "ClusterRoleBinding"): {resource: gvrOf(rbacGroup, "clusterrolebindings"), exact: exactBinding},
	gvk(rbacGroup, "RoleBinding"): {
		resource: gvrOf(rbacGroup, "rolebindings"), namespaced: true, exact: exactBinding,
	},

	gvk("networking.k8s.io", "NetworkPolicy"): {
		resource: gvrOf("networking.k8s.io", "networkpolicies"), namespaced: true, exact: exactSpec,
	},
	gvk("apiextensions.k8s.io", crdKind): {
		resource: gvrOf("apiextensions.k8s.io", "customresourcedefinitions"), exact: [][]string{{"spec", "versions"}},
	},
	gvk("config.openshift.io", operatorKind): {resource: gvrOf("config.openshift.io", "clusteroperators")},
	gvk("cloudcredential.openshift.io", "CredentialsRequest"): {
		resource: gvrOf("cloudcredential.openshift.io", "credentialsrequests"), namespaced: true, exact: exactSpec,
	},
	gvk("monitoring.coreos.com", "ServiceMonitor"): {
		resource: gvrOf("monitoring.coreos.com", "servicemonitors"), namespaced: true, exact: exactSpec,
	},
	gvk("monitoring.coreos.com", "PrometheusRule"): {
		resource: gvrOf("monitoring.coreos.com", "prometheusrules"), namespaced: true, exact: exactSpec,
	},
}

const (
	rbacGroup    = "rbac.authorization.k8s.io"
	crdKind      = "CustomResourceDefinition"
	operatorKind = "ClusterOperator"
)

var (
	exactSpec    = [][]string{{"spec"}}
	exactRole    = [][]string{{"rules"}}
	exactBinding = [][]string{{"subjects"}, {"roleRef"}}
)

func gvk(group, kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
}

func gvrOf(group, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
}
