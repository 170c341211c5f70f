package azureserver

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Resource is what the model holds of anything.
type Resource struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Location string            `json:"location,omitempty"`
	Kind     string            `json:"kind,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	// Properties are as the client sent them, with what Azure adds.
	Properties map[string]any `json:"properties"`

	// looks is how often the operation that is under way has to be looked at until it is done; then is what it does.
	looks int
	then  func()
}

// Settings are how the cloud behaves.
type Settings struct {
	// Looks is how often an operation is seen under way.
	Looks int `json:"looks"`
	// Role are the rights of the client; nil admits everything.
	Role []string `json:"role"`
}

// operation is what a client may ask for by its own address.
type operation struct {
	resource *Resource
	deletes  bool
}

// model is the state of the cloud. Keys are ids in lower case: Azure does not tell cases apart.
type model struct {
	options Options
	blobs   *azurite

	mu         sync.Mutex
	settings   Settings
	resources  map[string]*Resource
	operations map[string]*operation
	keys       map[string][2]string
	taken      map[string]bool
	addresses  int
}

func newModel(o Options, blobs *azurite) *model {
	return &model{
		options: o, blobs: blobs, resources: map[string]*Resource{}, operations: map[string]*operation{}, keys: map[string][2]string{}, taken: map[string]bool{},
	}
}

func (m *model) permits(actions []string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.permitsLocked(actions) == ""
}

// permitsLocked returns the first action that the role lacks.
func (m *model) permitsLocked(actions []string) string {
	if m.settings.Role == nil {
		return ""
	}
	for _, action := range actions {
		if !slices.ContainsFunc(m.settings.Role, func(right string) bool { return strings.EqualFold(right, action) }) {
			return action
		}
	}
	return ""
}

// get returns a resource, one look further.
func (m *model) get(id string) *Resource {
	resource := m.resources[strings.ToLower(id)]
	if resource == nil {
		return nil
	}
	m.look(resource)
	// The last look at a deletion finds nothing.
	return m.resources[strings.ToLower(id)]
}

// look moves what is under way on.
func (m *model) look(resource *Resource) {
	if resource.then == nil {
		return
	}
	if resource.looks--; resource.looks < 0 {
		then := resource.then
		resource.then = nil
		then()
	}
}

// put stores a resource that is done after some looks, and then does what follows from it.
func (m *model) put(resource *Resource, busy string, then func()) {
	m.resources[strings.ToLower(resource.ID)] = resource
	finish := func() {
		resource.Properties["provisioningState"] = "Succeeded"
		if then != nil {
			then()
		}
	}
	if m.settings.Looks == 0 {
		finish()
		return
	}
	resource.Properties["provisioningState"] = busy
	resource.looks, resource.then = m.settings.Looks, finish
}

// remove takes a resource away after some looks, with everything below it.
func (m *model) remove(resource *Resource, then func()) {
	finish := func() {
		prefix := strings.ToLower(resource.ID)
		maps.DeleteFunc(m.resources, func(id string, _ *Resource) bool { return id == prefix || strings.HasPrefix(id, prefix+"/") })
		if then != nil {
			then()
		}
	}
	if m.settings.Looks == 0 {
		finish()
		return
	}
	resource.Properties["provisioningState"] = "Deleting"
	resource.looks, resource.then = m.settings.Looks, finish
}

// below lists the resources of a collection, by name.
func (m *model) below(id string) []*Resource {
	var found []*Resource
	prefix := strings.ToLower(id) + "/"
	for _, key := range slices.Sorted(maps.Keys(m.resources)) {
		if rest, inside := strings.CutPrefix(key, prefix); inside && !strings.Contains(rest, "/") {
			found = append(found, m.resources[key])
		}
	}
	return found
}

// accountState is what blobs need to know of an account.
type accountState struct{ closed, sharedKeys bool }

func (m *model) account(name string) (accountState, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	account := m.accountNamed(name)
	if account == nil {
		return accountState{}, false
	}
	admitted, given := account.Properties["allowSharedKeyAccess"].(bool)
	return accountState{closed: account.Properties["publicNetworkAccess"] == "Disabled", sharedKeys: !given || admitted}, true
}

const accountType = "Microsoft.Storage/storageAccounts"

func (m *model) accountNamed(name string) *Resource {
	for _, resource := range m.resources {
		if resource.Type == accountType && strings.EqualFold(resource.Name, name) {
			return resource
		}
	}
	return nil
}

// reachable tells whether a closed account can be reached from the cluster: its name leads to the address of a private
// endpoint, in a zone that some virtual network sees.
func (m *model) reachable(account string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	zone := "/privatednszones/privatelink.blob." + m.options.Domain
	addresses := map[any]bool{}
	for id, resource := range m.resources {
		if strings.Contains(id, "/networkinterfaces/") {
			addresses[resource.Properties["address"]] = true
		}
	}
	record, link := false, false
	for id, resource := range m.resources {
		record = record || strings.HasSuffix(id, zone+"/a/"+account) && addresses[resource.Properties["address"]]
		link = link || strings.Contains(id, zone+"/virtualnetworklinks/")
	}
	return record && link
}

// newKeys are two keys as Azure makes them.
func newKeys() [2]string {
	var keys [2]string
	for i := range keys {
		b := make([]byte, 64)
		_, _ = rand.Read(b)
		keys[i] = base64.StdEncoding.EncodeToString(b)
	}
	return keys
}

// giveKeys makes the account known to Azurite.
func (m *model) giveKeys(account string) error {
	keys := newKeys()
	m.keys[strings.ToLower(account)] = keys
	return m.blobs.set(strings.ToLower(account), keys[0], keys[1])
}

// address is the next one of a network.
func (m *model) address() string {
	m.addresses++
	return fmt.Sprintf("10.0.%d.%d", m.addresses/250, 4+m.addresses%250)
}
