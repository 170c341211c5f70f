package azureserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// path is the path of a request to Resource Manager, taken apart.
type path struct {
	subscription, group string
	provider            string
	// types and names are in turn; a collection has a type more than names.
	types, names []string
	id           string
	// verb is what a POST does: listKeys.
	verb string
}

// apiError is a refusal.
type apiError struct {
	status        int
	code, message string
}

func parsePath(r *http.Request) (path, bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var p path
	if len(parts) < 2 || !strings.EqualFold(parts[0], "subscriptions") {
		return p, false
	}
	p.subscription, parts = parts[1], parts[2:]
	if len(parts) >= 2 && strings.EqualFold(parts[0], "resourceGroups") {
		p.group, parts = parts[1], parts[2:]
	}
	if len(parts) < 3 || parts[0] != "providers" {
		return p, false
	}
	p.provider, p.id, parts = parts[1], r.URL.Path, parts[2:]
	if r.Method == http.MethodPost {
		p.verb, parts = parts[len(parts)-1], parts[:len(parts)-1]
		p.id = strings.TrimSuffix(p.id, "/"+p.verb)
	}
	for i, part := range parts {
		if i%2 == 0 {
			p.types = append(p.types, part)
		} else {
			p.names = append(p.names, part)
		}
	}
	return p, true
}

func (p path) kind() string { return p.provider + "/" + strings.Join(p.types, "/") }

func (p path) name() string {
	if len(p.names) == 0 {
		return ""
	}
	return p.names[len(p.names)-1]
}

// action is the right that the request needs.
func (p path) action(method string) string {
	if method == http.MethodPost {
		return p.kind() + "/" + p.verb + "/action"
	}
	return p.kind() + "/" + verb(method)
}

// handler serves one kind of resource.
type handler struct {
	// put makes a resource of a body, after its action and those it needs on others were permitted.
	put    func(f *front, p path, body []byte) (*Resource, *apiError)
	patch  func(f *front, resource *Resource, body []byte) *apiError
	delete func(f *front, resource *Resource)
	// others are the rights on other resources that a put needs.
	others func(body []byte) []string
	// busy is the state of a resource that is being made; accepted answers its creation without the resource.
	busy     string
	accepted bool
	// instantly tells that there are no operations.
	instantly bool
}

var handlers = map[string]handler{
	accountType:                          {put: putAccount, patch: patchAccount, delete: deleteAccount, busy: "Creating", accepted: true},
	"Microsoft.Network/privateEndpoints": {put: putEndpoint, delete: deleteEndpoint, others: endpointRights, busy: "Updating"},
	"Microsoft.Network/privateEndpoints/privateDnsZoneGroups": {put: putZoneGroup, others: zoneGroupRights, busy: "Updating"},
	"Microsoft.Network/privateDnsZones":                       {put: putZone, busy: "Creating", accepted: true},
	"Microsoft.Network/privateDnsZones/virtualNetworkLinks":   {put: putLink, others: linkRights, busy: "Creating", accepted: true},
	"Microsoft.Network/privateDnsZones/A":                     {put: putRecord, instantly: true},
	"Microsoft.Network/networkInterfaces":                     {},
	"Microsoft.Network/virtualNetworks":                       {},
	"Microsoft.Network/virtualNetworks/subnets":               {},
}

// manage serves a request to Resource Manager.
func (f *front) manage(w http.ResponseWriter, r *http.Request, record *Record) {
	deny := func(e *apiError) { refuse(w, hostManagement, e.status, e.code, e.message) }
	// Resource Manager is the audience of its tokens, under whichever name it is asked.
	if !f.issuer.admits(r, "https://"+hostName(r)) {
		deny(&apiError{http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid."})
		return
	}
	if r.URL.Query().Get("api-version") == "" {
		deny(&apiError{http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests."})
		return
	}
	if strings.HasPrefix(r.URL.Path, "/operations/") {
		f.serveOperation(w, r)
		return
	}
	p, ok := parsePath(r)
	if !ok {
		deny(&apiError{http.StatusNotFound, "InvalidResourceType", "The resource type could not be found."})
		return
	}
	f.model.mu.Lock()
	defer f.model.mu.Unlock()
	if e := f.admit(r, p, record); e != nil {
		deny(e)
		return
	}
	if r.Method == http.MethodPost {
		f.post(w, p, []byte(record.Body))
		return
	}
	if len(p.types) > len(p.names) {
		writeJSON(w, http.StatusOK, map[string]any{"value": f.collection(p)})
		return
	}
	f.serveResource(w, r, p, []byte(record.Body))
}

// admit refuses what does not exist and what the role lacks.
func (f *front) admit(r *http.Request, p path, record *Record) *apiError {
	record.Actions = []string{p.action(r.Method)}
	h, known := handlers[p.kind()]
	if r.Method == http.MethodPut && h.others != nil {
		record.Actions = append(record.Actions, h.others([]byte(record.Body))...)
	}
	switch {
	case p.subscription != f.options.Identity.Subscription:
		return &apiError{http.StatusNotFound, "SubscriptionNotFound", "The subscription '" + p.subscription + "' could not be found."}
	case p.group != "" && !slices.ContainsFunc(f.options.Identity.Groups, func(g string) bool { return strings.EqualFold(g, p.group) }):
		return &apiError{http.StatusNotFound, "ResourceGroupNotFound", "Resource group '" + p.group + "' could not be found."}
	case !known && r.Method != http.MethodPost:
		return &apiError{http.StatusNotFound, "InvalidResourceType", "The resource type '" + p.kind() + "' could not be found."}
	}
	if missing := f.model.permitsLocked(record.Actions); missing != "" {
		return &apiError{http.StatusForbidden, "AuthorizationFailed", "The client does not have authorization to perform action '" + missing + "'."}
	}
	return nil
}

func (f *front) collection(p path) []*Resource {
	found := f.model.below(p.id)
	if found == nil {
		found = []*Resource{}
	}
	return found
}

func (f *front) serveResource(w http.ResponseWriter, r *http.Request, p path, body []byte) {
	h := handlers[p.kind()]
	resource := f.model.get(p.id)
	switch {
	case r.Method == http.MethodPut && h.put != nil:
		f.put(w, r, h, p, body)
	case resource == nil && r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case resource == nil:
		refuse(w, hostManagement, http.StatusNotFound, "ResourceNotFound", fmt.Sprintf("The Resource '%s/%s' under resource group '%s' was not found.", p.kind(), p.name(), p.group))
	case r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, resource)
	case r.Method == http.MethodPatch && h.patch != nil:
		if e := h.patch(f, resource, body); e != nil {
			refuse(w, hostManagement, e.status, e.code, e.message)
			return
		}
		writeJSON(w, http.StatusOK, resource)
	case r.Method == http.MethodDelete:
		f.delete(w, r, h, resource)
	default:
		refuse(w, hostManagement, http.StatusMethodNotAllowed, "MethodNotAllowed", "The method is not allowed.")
	}
}

func (f *front) put(w http.ResponseWriter, r *http.Request, h handler, p path, body []byte) {
	if old := f.model.resources[strings.ToLower(p.id)]; old != nil && old.then != nil {
		refuse(w, hostManagement, http.StatusConflict, "OperationInProgress", "Another operation is in progress on the resource.")
		return
	}
	resource, e := h.put(f, p, body)
	if e != nil {
		refuse(w, hostManagement, e.status, e.code, e.message)
		return
	}
	status := http.StatusCreated
	if resource.then != nil {
		f.announce(w, r, &operation{resource: resource})
		if h.accepted {
			status = http.StatusAccepted
		}
	} else if p.kind() == accountType {
		status = http.StatusOK
	}
	if status == http.StatusAccepted {
		w.WriteHeader(status)
		return
	}
	writeJSON(w, status, resource)
}

func (f *front) delete(w http.ResponseWriter, r *http.Request, h handler, resource *Resource) {
	if resource.then == nil {
		f.model.remove(resource, func() {
			if h.delete != nil {
				h.delete(f, resource)
			}
		})
	}
	if h.instantly || resource.Type == accountType || resource.then == nil {
		for resource.then != nil {
			f.model.look(resource)
		}
		w.WriteHeader(http.StatusOK)
		return
	}
	f.announce(w, r, &operation{resource: resource, deletes: true})
	w.WriteHeader(http.StatusAccepted)
}

// announce tells where an operation can be asked for, as Azure's providers do: storage by Location only.
func (f *front) announce(w http.ResponseWriter, r *http.Request, op *operation) {
	id := random(8)
	f.model.operations[id] = op
	address := "https://" + r.Host + "/operations/" + id + "?api-version=" + r.URL.Query().Get("api-version")
	if op.resource.Type != accountType && !op.deletes {
		w.Header().Set("Azure-AsyncOperation", address)
	} else {
		w.Header().Set("Location", address)
	}
	w.Header().Set("Retry-After", "7")
}

// serveOperation answers a look at an operation.
func (f *front) serveOperation(w http.ResponseWriter, r *http.Request) {
	f.model.mu.Lock()
	defer f.model.mu.Unlock()
	op := f.model.operations[strings.TrimPrefix(r.URL.Path, "/operations/")]
	if op == nil {
		refuse(w, hostManagement, http.StatusNotFound, "OperationNotFound", "The operation was not found.")
		return
	}
	f.model.look(op.resource)
	done := op.resource.then == nil
	byLocation := op.resource.Type == accountType || op.deletes
	switch {
	case byLocation && !done:
		f.announceAgain(w, r)
		w.WriteHeader(http.StatusAccepted)
	case op.deletes:
		w.WriteHeader(http.StatusNoContent)
	case byLocation:
		writeJSON(w, http.StatusOK, op.resource)
	case !done:
		writeJSON(w, http.StatusOK, map[string]string{"status": "InProgress"})
	default:
		writeJSON(w, http.StatusOK, map[string]any{"status": "Succeeded", "properties": op.resource})
	}
}

func (f *front) announceAgain(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "https://"+r.Host+r.URL.String())
	w.Header().Set("Retry-After", "7")
}

// decode is strict: a field that Azure does not know is a mistake that Azure refuses.
func decode(body []byte, into any) *apiError {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalid("The request content was invalid and could not be deserialized: '" + err.Error() + "'.")
	}
	return nil
}

func invalid(message string) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidRequestContent", message}
}
