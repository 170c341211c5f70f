package addresses

import (
	"net/netip"
	"slices"
	"testing"
)

func TestFamilies(t *testing.T) {
	for _, tc := range []struct {
		family Family
		four   []bool // of each address, in order
	}{
		{IPv4, []bool{true}},
		{IPv6, []bool{false}},
		{Dual, []bool{true, false}},
	} {
		t.Run(string(tc.family), func(t *testing.T) {
			if err := tc.family.Check(); err != nil {
				t.Error(err)
			}
			f := tc.family
			for name, lists := range map[string][2][]string{
				"services": {f.Services(), f.KubernetesServices()}, "simulated pods": {f.Pods(), f.UnusedPod(3)}, "nodes": {f.Nodes(), {f.APIServer()}},
			} {
				for i, text := range lists[0] {
					network := netip.MustParsePrefix(text)
					if network.Addr().Is4() != tc.four[i] || len(lists[0]) != len(tc.four) {
						t.Errorf("%s: %v", name, lists[0])
					}
					if i < len(lists[1]) && !network.Contains(netip.MustParseAddr(lists[1][i])) {
						t.Errorf("%s: %s is not in %s", name, lists[1][i], network)
					}
				}
			}
			for _, address := range []string{f.APIServer(), f.S3Server(), f.Loopback(), f.Documentation()} {
				if netip.MustParseAddr(address).Is4() != tc.four[0] {
					t.Errorf("%s is of the other family", address)
				}
			}
			requireOwnPods(t, f)
		})
	}
	if err := Family("ipx").Check(); err == nil {
		t.Error("ipx is a family")
	}
}

// requireOwnPods checks that simulated nodes share no addresses, with each other or with pods that are only imagined.
func requireOwnPods(t *testing.T, f Family) {
	t.Helper()
	var ranges []netip.Prefix
	for index := range 3 {
		for i, text := range f.SimulatedPods(index) {
			pods := netip.MustParsePrefix(text)
			if !netip.MustParsePrefix(f.Pods()[i]).Overlaps(pods) || slices.ContainsFunc(ranges, pods.Overlaps) {
				t.Errorf("pods of node %d: %s, others have %v", index, pods, ranges)
			}
			for imagined := range 9 {
				if pods.Contains(netip.MustParseAddr(f.UnusedPod(imagined)[i])) {
					t.Errorf("%s of a pod that is only imagined is in %s", f.UnusedPod(imagined)[i], pods)
				}
			}
			ranges = append(ranges, pods)
		}
	}
}
