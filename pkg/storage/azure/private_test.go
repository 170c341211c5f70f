package azure_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// plantNetwork makes a virtual network with subnets.
func (s *server) plantNetwork(t *testing.T, in, name string, tags map[string]string, subnets ...string) {
	t.Helper()
	id := idOf(in, "Microsoft.Network/virtualNetworks", name)
	s.call(t, http.MethodPut, "/resources", resource{ID: id, Type: "Microsoft.Network/virtualNetworks", Location: region, Tags: tags}, nil)
	for _, subnet := range subnets {
		s.call(t, http.MethodPut, "/resources", resource{ID: id + "/subnets/" + subnet, Type: "Microsoft.Network/virtualNetworks/subnets"}, nil)
	}
}

func internal(in storage.Inputs, network imageregistryv1.AzureNetworkAccessInternal) storage.Inputs {
	in.Coordinates = *in.Coordinates.DeepCopy()
	in.Coordinates.Azure.NetworkAccess = &imageregistryv1.AzureNetworkAccess{Type: imageregistryv1.AzureNetworkAccessTypeInternal}
	if network != (imageregistryv1.AzureNetworkAccessInternal{}) {
		in.Coordinates.Azure.NetworkAccess.Internal = &network
	}
	return in
}

func external(in storage.Inputs) storage.Inputs {
	in.Coordinates = *in.Coordinates.DeepCopy()
	in.Coordinates.Azure.NetworkAccess = &imageregistryv1.AzureNetworkAccess{Type: imageregistryv1.AzureNetworkAccessTypeExternal}
	return in
}

func (s *server) publicAccess(t *testing.T) any {
	t.Helper()
	accounts := s.of(t, "storageAccounts")
	if len(accounts) != 1 {
		t.Fatalf("accounts are %+v", accounts)
	}
	return accounts[0].Properties["publicNetworkAccess"]
}

func (s *server) ids(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, r := range s.resources(t) {
		if !strings.Contains(r.ID, "/virtualNetworks/") {
			ids = append(ids, strings.TrimPrefix(r.ID, "/subscriptions/"+subscription+"/resourceGroups/"))
		}
	}
	slices.Sort(ids)
	return ids
}

func TestInternalAccess(t *testing.T) {
	for name, c := range map[string]struct {
		given         imageregistryv1.AzureNetworkAccessInternal
		network       string
		vnet, subnet  string
		looks         int
		federatedUser bool
	}{
		"nothing is given":                           {vnet: "of-cluster", subnet: "first"},
		"nothing is given, and Azure takes its time": {vnet: "of-cluster", subnet: "first", looks: 2},
		"all names are given": {
			given:   imageregistryv1.AzureNetworkAccessInternal{NetworkResourceGroupName: networkGroup, VNetName: "hub", SubnetName: "second", PrivateEndpointName: "endpoint-of-ours"},
			network: networkGroup, vnet: "hub", subnet: "second",
		},
		"the network is given": {
			given:   imageregistryv1.AzureNetworkAccessInternal{NetworkResourceGroupName: networkGroup, VNetName: "hub"},
			network: networkGroup, vnet: "hub", subnet: "a-first",
		},
		"with a federated token": {vnet: "of-cluster", subnet: "first", federatedUser: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			s.configure(t, settings{Looks: c.looks})
			s.plantNetwork(t, group, "a-stranger", nil, "none")
			s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "owned"}, "first", "second")
			s.plantNetwork(t, networkGroup, "hub", nil, "a-first", "second")
			in := s.inputs("", "")
			if c.federatedUser {
				in = s.federated(t, in)
			}
			in, result, calls := s.ensured(t, internal(in, c.given))
			if c.looks > 0 && calls < 4 {
				t.Errorf("%d calls: an operation was waited for", calls)
			}
			access := result.Coordinates.Azure.NetworkAccess.Internal
			if access.VNetName != c.vnet || access.SubnetName != c.subnet || access.PrivateEndpointName == "" || access.NetworkResourceGroupName != c.given.NetworkResourceGroupName {
				t.Errorf("names are %+v", access)
			}
			if s.publicAccess(t) != "Disabled" {
				t.Errorf("public network access is %v", s.publicAccess(t))
			}
			account := result.Coordinates.Azure.AccountName
			want := []string{
				group + "/providers/Microsoft.Network/networkInterfaces/" + access.PrivateEndpointName + "-nic",
				group + "/providers/Microsoft.Network/privateDnsZones/privatelink.blob." + domain,
				group + "/providers/Microsoft.Network/privateDnsZones/privatelink.blob." + domain + "/A/" + account,
				group + "/providers/Microsoft.Network/privateDnsZones/privatelink.blob." + domain + "/virtualNetworkLinks/" + account,
				group + "/providers/Microsoft.Network/privateEndpoints/" + access.PrivateEndpointName,
				group + "/providers/Microsoft.Network/privateEndpoints/" + access.PrivateEndpointName + "/privateDnsZoneGroups/privatelink-blob-azure-test",
				group + "/providers/Microsoft.Storage/storageAccounts/" + account,
			}
			if got := s.ids(t); !slices.Equal(got, want) {
				t.Errorf("resources are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			// The server lets nobody in who does not come through the endpoint: the container is seen all the same.
			if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists {
				t.Errorf("plan: %+v, %v", plan, err)
			}
			for _, r := range s.requests(t, func() { s.ensured(t, in) }) {
				if r.Method != "GET" && !strings.HasSuffix(r.Path, "/listKeys") {
					t.Errorf("the second ensure sends %v", r)
				}
			}
			s.removed(t, in)
			// The zone may be used by others.
			want = []string{group + "/providers/Microsoft.Network/privateDnsZones/privatelink.blob." + domain}
			if got := s.ids(t); !slices.Equal(got, want) {
				t.Errorf("left behind are\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

func TestBackToExternal(t *testing.T) {
	for name, looks := range map[string]int{"at once": 0, "while Azure takes its time": 2} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "shared"}, "first")
			in, _, _ := s.ensured(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
			s.configure(t, settings{Looks: looks})
			in, _, calls := s.ensured(t, external(in))
			if looks > 0 && calls < 3 {
				t.Errorf("%d calls: an operation was waited for", calls)
			}
			if s.publicAccess(t) != "Enabled" {
				t.Errorf("public network access is %v", s.publicAccess(t))
			}
			if left := append(s.of(t, "privateEndpoints"), s.of(t, "/A")...); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
			if plan, err := s.backend(t, in).Plan(t.Context()); err != nil || !plan.Exists {
				t.Errorf("plan: %+v, %v", plan, err)
			}
			s.removed(t, in)
		})
	}
}

func TestAccountThatOthersClosedStaysClosed(t *testing.T) {
	s := useServer(t)
	in, _, _ := s.ensured(t, s.inputs("", ""))
	account := s.of(t, "storageAccounts")[0]
	account.Properties["publicNetworkAccess"] = "Disabled"
	in.Coordinates = external(in).Coordinates
	requests := s.requests(t, func() {
		s.call(t, http.MethodPut, "/resources", account, nil)
		_, err := s.backend(t, in).Ensure(t.Context())
		var failure *storage.Error
		if !errors.As(err, &failure) || !strings.Contains(failure.Message, "firewall and private endpoints") {
			t.Errorf("ensure: %v", err)
		}
	})
	for _, r := range requests {
		if r.Method == "PATCH" {
			t.Errorf("the account is changed: %v", r)
		}
	}
}

func TestInternalAccessWithoutNetwork(t *testing.T) {
	s := useServer(t)
	s.plantNetwork(t, group, "a-stranger", map[string]string{"kubernetes.io_cluster.other": "owned"}, "none")
	in := s.planned(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
	_, err := s.backend(t, in).Ensure(t.Context())
	var failure *storage.Error
	if !errors.As(err, &failure) || failure.Status != "Unknown" || failure.ConditionReason != "AzureError" ||
		!strings.Contains(failure.Message, "networkResourceGroupName, vnetName and subnetName") {
		t.Errorf("ensure: %v", err)
	}
	s.plantNetwork(t, group, "empty", map[string]string{"sigs.k8s.io_cluster-api-provider-azure_cluster_" + infra: "owned"})
	if _, err = s.backend(t, in).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "virtual network empty has none") {
		t.Errorf("ensure with a network without subnets: %v", err)
	}
}

func TestInternalRemovalGoesOnAfterACrash(t *testing.T) {
	for _, part := range []string{"/A/", "/privateDnsZoneGroups/", "/virtualNetworkLinks/", "/privateEndpoints/", "/storageAccounts/"} {
		t.Run("the answer to the deletion of "+part+" is lost", func(t *testing.T) {
			s := useServer(t)
			s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "owned"}, "first")
			in, _, _ := s.ensured(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
			s.inject(t, storagetest.Fault{Match: match{Host: "management", Method: "DELETE", Path: part}, Status: 501, Code: "NotImplemented", After: true, Times: 1})
			if _, err := s.backend(t, in).Remove(t.Context()); err == nil {
				t.Error("nothing was lost")
			}
			s.heal(t)
			s.removed(t, in)
			if got := s.ids(t); len(got) != 1 {
				t.Errorf("left behind are\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

func TestEndpointThatMayNotBeDeleted(t *testing.T) {
	s := useServer(t)
	s.plantNetwork(t, group, "of-cluster", map[string]string{"kubernetes.io_cluster." + infra: "owned"}, "first")
	in, _, _ := s.ensured(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
	s.inject(t, storagetest.Fault{Match: match{Host: "management", Method: "DELETE", Path: "/providers/Microsoft.Network/"}, Status: 403, Code: "AuthorizationFailed"})
	progress, _ := s.removed(t, in)
	c := progress.Conditions[0]
	if c.Reason != "AccountDeleted" || !strings.Contains(c.Message, " are left behind") {
		t.Errorf("condition is %+v", c)
	}
	expectNamed(t, c.Message, in, "record", "DNS zone group", "link", "private endpoint")
}

// expectNamed wants a message to name what belongs to the private way of in, and nothing else of it.
func expectNamed(t *testing.T, message string, in storage.Inputs, want ...string) {
	t.Helper()
	c := in.Coordinates.Azure
	endpoint, zone := c.NetworkAccess.Internal.PrivateEndpointName, "DNS zone privatelink.blob."+domain
	_, left, _ := strings.Cut(message, "; ")
	left, _, _ = strings.Cut(left, " are left behind")
	var wanted []string
	for _, part := range []struct{ kind, name string }{
		{"record", "record " + c.AccountName + " of " + zone},
		{"DNS zone group", "DNS zone group of private endpoint " + endpoint},
		{"link", "link " + c.AccountName + " of " + zone},
		{"private endpoint", "private endpoint " + endpoint},
	} {
		if slices.Contains(want, part.kind) {
			wanted = append(wanted, part.name)
		}
	}
	if want := strings.Join(wanted, ", "); left != want {
		t.Errorf("left behind is %q, want %q", left, want)
	}
}

// TestWhatMayNotBeDeletedIsNamed: a role may delete the endpoint, and nothing that was made for it.
func TestWhatMayNotBeDeletedIsNamed(t *testing.T) {
	for name, looks := range map[string]int{"at once": 0, "while Azure takes its time": 2} {
		t.Run(name, func(t *testing.T) {
			s := useServer(t)
			s.plantNetwork(t, group, "of-cluster", ours, "first")
			in, _, _ := s.ensured(t, internal(s.inputs("", ""), imageregistryv1.AzureNetworkAccessInternal{}))
			s.configure(t, settings{Looks: looks, Role: slices.DeleteFunc(asked(t), func(right string) bool {
				return strings.HasSuffix(right, "/delete") && (strings.Contains(right, "/privateDnsZones/") || strings.Contains(right, "/privateDnsZoneGroups/"))
			})})
			driver := s.driver(t)
			var progress storage.Progress
			for call := 1; !progress.Done && call <= 30; call++ {
				b, err := driver.New(in)
				if err != nil {
					t.Fatal(err)
				}
				if progress, err = b.Remove(t.Context()); err != nil {
					t.Fatalf("call %d: %v", call, err)
				}
			}
			if !progress.Done || progress.Conditions[0].Reason != "AccountDeleted" {
				t.Fatalf("removal is %+v", progress)
			}
			expectNamed(t, progress.Conditions[0].Message, in, "record", "DNS zone group", "link")
		})
	}
}
