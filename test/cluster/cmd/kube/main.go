// Command kube is every program of a Kubernetes cluster in one binary.
//
// The programs share most of their code, so linking them once instead of nine times saves about 600 MB of disk and
// several minutes of a cold build. The program is chosen by the name the binary is called by (a link named "kubelet"
// runs the kubelet) or by the first argument ("kube kubelet ...").
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// programs holds what can be run. An entry gets the arguments as the stand-alone program would: os.Args[0] is its name.
var programs = map[string]func(){
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
	"coredns":                 runCoreDNS,
	"kwok":                    runKwok,
}

func main() {
	name := filepath.Base(os.Args[0])
	if programs[name] == nil && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	run := programs[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "kube: unknown program %q; it has: %s\n", name, strings.Join(names(), " "))
		os.Exit(2)
	}
	os.Args[0] = name
	if name != "coredns" {
		forgetGoFlags()
	}
	run()
}

// forgetGoFlags empties the flag set of the standard library. CoreDNS registers "-version", "-conf", "-p" and others
// there when it is only linked in; the Kubernetes programs copy that set into their own and would either fail on a name
// defined twice or show flags that do nothing.
func forgetGoFlags() {
	keep := flag.CommandLine
	flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	keep.VisitAll(func(f *flag.Flag) {
		if !corednsFlags[f.Name] {
			flag.CommandLine.Var(f.Value, f.Name, f.Usage)
		}
	})
}

func names() []string {
	all := make([]string, 0, len(programs))
	for name := range programs {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
