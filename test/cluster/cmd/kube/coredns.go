package main

import (
	"github.com/coredns/coredns/coremain"

	// Only the plugins that the cluster's Corefile names: the complete set pulls in the SDKs of every cloud's DNS.
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

// corednsFlags are the names CoreDNS registers in the flag set of the standard library (coremain's init).
var corednsFlags = map[string]bool{
	"conf": true, "plugins": true, "pidfile": true, "version": true, "quiet": true, "log-format": true,
	"dns.port": true, "p": true,
}

func runCoreDNS() { coremain.Run() }
