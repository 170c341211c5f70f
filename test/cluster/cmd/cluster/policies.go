package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/addresses"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/policies"
)

// outside are addresses that no cluster has, of both families: they are reserved for documentation.
var outside = []string{"198.51.100.7", "2001:db8::7"}

type reachFlags struct {
	from   []string
	to     string
	whatIf []string
}

// arrow stands between source and target of a question.
const arrow = "=>"

// answer is what is said to one of several questions.
type answer struct {
	Question string          `json:"question"`
	Flows    []policies.Flow `json:"flows"`
}

func newPolicies(c *common) *cobra.Command {
	command := &cobra.Command{Use: "policies", Short: "Tell what the cluster's NetworkPolicies mean"}
	f := &reachFlags{}
	reach := &cobra.Command{
		Use:   "reach --to WHERE [--from WHO]... | WHO" + arrow + "WHERE...",
		Short: "Tell, as JSON, which pods may reach a port, and by which policies",
		Long: "Evaluates all NetworkPolicies of the running cluster over its pods and namespaces and prints, as JSON, whether each " +
			"source may open a connection to each target, and the policies that decide it.\n\n" +
			"  --to   NAMESPACE/SELECTOR:PORT, or ADDRESS:PORT for the world outside; PORT may be followed by /UDP or /SCTP\n" +
			"  --from NAMESPACE/SELECTOR or ADDRESS; without it all pods and the addresses " + strings.Join(outside, " and ") + "\n\n" +
			"An empty SELECTOR (NAMESPACE/) is every pod of the namespace. A selector that no pod matches is an error.\n\n" +
			"Several questions of the form FROM" + arrow + "TO get an array of answers, by one look at the cluster.",
		RunE: func(cmd *cobra.Command, questions []string) error {
			if (f.to == "") == (len(questions) == 0) {
				return errors.New("give either --to or questions of the form FROM" + arrow + "TO")
			}
			world, err := f.world(cmd.Context(), c)
			if err != nil {
				return err
			}
			var said any
			if f.to != "" {
				said, err = evaluate(world, f.from, f.to)
			} else {
				said, err = answers(world, questions)
			}
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(os.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(said)
		},
	}
	reach.Flags().StringArrayVar(&f.from, "from", nil, "source, may be repeated")
	reach.Flags().StringVar(&f.to, "to", "", "target with its port")
	reach.Flags().StringArrayVar(&f.whatIf, "what-if", nil, "NAMESPACE/LABEL=VALUE,... adds a pod that does not run at the moment, may be repeated")
	command.AddCommand(reach)
	return command
}

// world is the cluster as it is, and the pods that are to be there besides.
func (f *reachFlags) world(ctx context.Context, c *common) (*policies.World, error) {
	paths, err := c.paths()
	if err != nil {
		return nil, err
	}
	state, err := lifecycle.ReadState(paths)
	if err != nil {
		return nil, err
	}
	world, err := readWorld(ctx, state.Kubeconfig)
	if err != nil {
		return nil, err
	}
	for i, text := range f.whatIf {
		pod, err := whatIf(text, i, state.Family)
		if err != nil {
			return nil, err
		}
		if err := world.WhatIf(pod); err != nil {
			return nil, err
		}
	}
	return world, nil
}

func answers(world *policies.World, questions []string) ([]answer, error) {
	var all []answer
	for _, question := range questions {
		from, to, found := strings.Cut(question, arrow)
		if !found {
			return nil, fmt.Errorf("question %q is not of the form FROM%sTO", question, arrow)
		}
		flows, err := evaluate(world, []string{from}, to)
		if err != nil {
			return nil, fmt.Errorf("question %q: %w", question, err)
		}
		all = append(all, answer{question, flows})
	}
	return all, nil
}

// evaluate tells what each source may reach of the target; without from all pods are sources, and the world outside.
func evaluate(world *policies.World, from []string, to string) ([]policies.Flow, error) {
	target, port, err := parseTarget(to)
	if err != nil {
		return nil, err
	}
	targets, err := parsePeers(world, target)
	if err != nil {
		return nil, err
	}
	var sources []policies.Peer
	if len(from) == 0 {
		sources, from = append(sources, world.Peers...), outside
	}
	for _, text := range from {
		peers, err := parsePeers(world, text)
		if err != nil {
			return nil, err
		}
		sources = append(sources, peers...)
	}
	return world.Flows(sources, targets, port)
}

// whatIf makes a pod of NAMESPACE/LABELS with an address of each family.
func whatIf(text string, number int, family addresses.Family) (*corev1.Pod, error) {
	namespace, rest, found := strings.Cut(text, "/")
	if !found {
		return nil, fmt.Errorf("%q is not NAMESPACE/LABEL=VALUE[,LABEL=VALUE]", text)
	}
	set, err := labels.ConvertSelectorToLabelsMap(rest)
	if err != nil {
		return nil, fmt.Errorf("labels %q: %w", rest, err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "what-if-" + strconv.Itoa(number), Labels: set}}
	for _, address := range family.UnusedPod(number) {
		pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: address})
	}
	return pod, nil
}

// parseTarget splits off the port; what is left is as parsePeers takes it.
func parseTarget(text string) (string, policies.Port, error) {
	port := policies.Port{Protocol: corev1.ProtocolTCP}
	colon := strings.LastIndex(text, ":")
	if colon < 0 {
		return "", port, fmt.Errorf("%q has no port", text)
	}
	number, protocol, given := strings.Cut(text[colon+1:], "/")
	if given {
		port.Protocol = corev1.Protocol(protocol)
	}
	switch port.Protocol {
	case corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP:
	default:
		return "", port, fmt.Errorf("%q: no protocol %s", text, protocol)
	}
	var err error
	if port.Number, err = strconv.Atoi(number); err != nil || port.Number < 1 || port.Number > 65535 {
		return "", port, fmt.Errorf("%q: %q is no port", text, number)
	}
	if host, _, err := net.SplitHostPort(text[:colon] + ":0"); err == nil {
		return host, port, nil // without the brackets of an IPv6 address
	}
	return text[:colon], port, nil
}

func parsePeers(world *policies.World, text string) ([]policies.Peer, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return []policies.Peer{policies.Address(address)}, nil
	}
	namespace, selector, found := strings.Cut(text, "/")
	if !found {
		return nil, fmt.Errorf("%q is neither an address nor NAMESPACE/SELECTOR", text)
	}
	return world.Select(namespace, selector)
}

func readWorld(ctx context.Context, kubeconfig string) (*policies.World, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client from %s: %w", kubeconfig, err)
	}
	namespaces, namespacesErr := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	pods, podsErr := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	found, policiesErr := client.NetworkingV1().NetworkPolicies(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err := errors.Join(namespacesErr, podsErr, policiesErr); err != nil {
		return nil, fmt.Errorf("reading namespaces, pods and network policies: %w", err)
	}
	return policies.New(namespaces.Items, pods.Items, found.Items)
}
