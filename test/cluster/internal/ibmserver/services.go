package ibmserver

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// plan is the standard plan of object storage.
const plan = "744bfc56-d12c-4866-88d5-dac9139e0e5d"

// groupID is the id of the only resource group.
const groupID = "0123456789abcdef0123456789abcdef"

type accountHandler func(w http.ResponseWriter, r *http.Request, account *Account)

// services are IAM, the Resource Controller and the Resource Manager on one listener: their paths differ.
func (c *cloud) services() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/token", c.recorded(serviceIAM, "/identity/token", c.postToken))
	for _, route := range []struct {
		service, method, path string
		handler               accountHandler
	}{
		{serviceResourceController, "GET", "/v2/resource_instances", c.listInstances},
		{serviceResourceController, "POST", "/v2/resource_instances", c.postInstance},
		{serviceResourceController, "GET", "/v2/resource_instances/{id}", c.getInstance},
		{serviceResourceController, "GET", "/v2/resource_keys", c.listKeys},
		{serviceResourceController, "POST", "/v2/resource_keys", c.postKey},
		{serviceResourceController, "GET", "/v2/resource_keys/{id}", c.getKey},
		{serviceResourceManager, "GET", "/v2/resource_groups", c.listGroups},
		{serviceResourceManager, "GET", "/v2/resource_groups/{id}", c.getGroup},
	} {
		mux.HandleFunc(route.method+" "+route.path, c.recorded(route.service, route.path, func(w http.ResponseWriter, r *http.Request) {
			account := c.identify(r)
			if account == nil {
				serviceError(w, http.StatusUnauthorized, "RC-UnauthorizedError", "The token is not valid")
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			route.handler(w, r, account)
		}))
	}
	return mux
}

func (c *cloud) recorded(service, path string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := records.NewAnswer(w, func(status int, _ []byte) {
			c.records.Add(Record{Service: service, Method: r.Method, Path: path, Status: status})
		})
		defer answer.End()
		fault := c.faults.Take(func(m Match) bool { return m.matches(r, service) })
		refusal := func(status int, code, message string) { refuse(answer, service, status, code, message) }
		fault.Apply(answer, r, refusal, func(w http.ResponseWriter) { next(w, r) })
	}
}

func (c *cloud) listInstances(w http.ResponseWriter, r *http.Request, account *Account) {
	found := []*Instance{}
	query := r.URL.Query()
	for _, i := range c.instances {
		if i.Account == account.ID && matches(query.Get("name"), i.Name) && matches(query.Get("resource_group_id"), i.Group) &&
			matches(query.Get("resource_plan_id"), i.Plan) {
			found = append(found, i)
		}
	}
	writePage(w, r, found)
}

func matches(wanted, have string) bool { return wanted == "" || wanted == have }

// writePage answers one resource per page, so that clients have to turn pages.
func writePage[T any](w http.ResponseWriter, r *http.Request, all []T) {
	begin := 0
	if start := r.URL.Query().Get("start"); start != "" {
		begin = slices.Index([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, start)
	}
	if begin < 0 || begin > len(all) {
		serviceError(w, http.StatusBadRequest, "RC-BadRequest", "start is not valid")
		return
	}
	page := map[string]any{"rows_count": min(1, len(all)-begin), "resources": all[begin:min(begin+1, len(all))], "next_url": nil}
	if begin+1 < len(all) {
		query := r.URL.Query()
		query.Set("start", string(rune('0'+begin+1)))
		page["next_url"] = r.URL.Path + "?" + query.Encode()
	}
	writeJSON(w, http.StatusOK, page)
}

// read is strict: a misspelt field must not be overlooked.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || r.Header.Get("Content-Type") != "application/json" {
		serviceError(w, http.StatusBadRequest, "RC-BadRequest", "The request body is not valid")
		return false
	}
	return true
}

func (c *cloud) postInstance(w http.ResponseWriter, r *http.Request, account *Account) {
	var in struct {
		Name   string   `json:"name"`
		Target string   `json:"target"`
		Group  string   `json:"resource_group"`
		Plan   string   `json:"resource_plan_id"`
		Tags   []string `json:"tags"`
	}
	if !read(w, r, &in) {
		return
	}
	if in.Name == "" || in.Target != "bluemix-global" || in.Group != groupID || in.Plan != plan {
		serviceError(w, http.StatusBadRequest, "RC-BadRequest", "name, target, resource_group or resource_plan_id is not valid")
		return
	}
	i := c.add(account, in.Name, in.Group, in.Plan, in.Tags)
	if i.provisioning = c.options.Provisioning; i.provisioning > 0 {
		i.State = "provisioning"
	}
	writeJSON(w, http.StatusCreated, i)
}

func (c *cloud) getInstance(w http.ResponseWriter, r *http.Request, account *Account) {
	i := c.instance(account, r.PathValue("id"))
	if i == nil {
		serviceError(w, http.StatusNotFound, "RC-ServiceInstanceNotFound", "Can not find the resource instance")
		return
	}
	if i.State == "provisioning" {
		if i.provisioning--; i.provisioning < 0 {
			i.State = "active"
		}
	}
	writeJSON(w, http.StatusOK, i)
}

func (c *cloud) listKeys(w http.ResponseWriter, r *http.Request, account *Account) {
	found := []*Key{}
	for _, k := range c.keys {
		if k.Account == account.ID && matches(r.URL.Query().Get("name"), k.Name) {
			found = append(found, k)
		}
	}
	writePage(w, r, found)
}

func (c *cloud) postKey(w http.ResponseWriter, r *http.Request, account *Account) {
	var in struct {
		Name       string          `json:"name"`
		Source     string          `json:"source"`
		Role       string          `json:"role"`
		Parameters map[string]bool `json:"parameters"`
	}
	if !read(w, r, &in) {
		return
	}
	i := c.instance(account, in.Source)
	if i == nil || in.Name == "" || in.Role == "" {
		serviceError(w, http.StatusBadRequest, "RC-BadRequest", "source, name or role is not valid")
		return
	}
	writeJSON(w, http.StatusCreated, c.addKey(account, i, in.Name, in.Role, in.Parameters["HMAC"]))
}

func (c *cloud) getKey(w http.ResponseWriter, r *http.Request, account *Account) {
	for _, k := range c.keys {
		if (k.CRN == r.PathValue("id") || k.ID == r.PathValue("id")) && k.Account == account.ID {
			writeJSON(w, http.StatusOK, k)
			return
		}
	}
	serviceError(w, http.StatusNotFound, "RC-ResourceKeyNotFound", "Can not find the resource key")
}

func (c *cloud) listGroups(w http.ResponseWriter, r *http.Request, account *Account) {
	groups := []map[string]string{}
	if id := r.URL.Query().Get("account_id"); id != account.ID {
		serviceError(w, http.StatusForbidden, "RM-Forbidden", "The account is not that of the token")
		return
	}
	if matches(r.URL.Query().Get("name"), c.options.Group) {
		groups = append(groups, map[string]string{"id": groupID, "name": c.options.Group, "state": "ACTIVE"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"resources": groups})
}

func (c *cloud) getGroup(w http.ResponseWriter, r *http.Request, _ *Account) {
	if r.PathValue("id") != groupID {
		serviceError(w, http.StatusNotFound, "RM-NotFound", "Can not find the resource group")
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"id": groupID, "name": c.options.Group, "state": "ACTIVE"})
}
