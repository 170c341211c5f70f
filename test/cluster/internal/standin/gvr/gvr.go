// Package gvr names the OpenShift resources that the stand-ins and the seed read and write through the dynamic client.
package gvr

import "k8s.io/apimachinery/pkg/runtime/schema"

// The cluster configuration, one object each.
var (
	APIServers       = config("apiservers")
	ClusterOperators = config("clusteroperators")
	ClusterVersions  = config("clusterversions")
	DNSes            = config("dnses")
	FeatureGates     = config("featuregates")
	Images           = config("images")
	Infrastructures  = config("infrastructures")
	Ingresses        = config("ingresses")
	Proxies          = config("proxies")
)

// Resources that stand-ins act on, object by object.
var (
	Routes              = schema.GroupVersionResource{Group: "route.openshift.io", Version: "v1", Resource: "routes"}
	CredentialsRequests = schema.GroupVersionResource{
		Group: "cloudcredential.openshift.io", Version: "v1", Resource: "credentialsrequests",
	}
	CustomResourceDefinitions = schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	}
)

func config(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "config.openshift.io", Version: "v1", Resource: resource}
}
