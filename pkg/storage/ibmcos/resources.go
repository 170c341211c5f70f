package ibmcos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	// plan is the standard plan of Cloud Object Storage.
	plan = "744bfc56-d12c-4866-88d5-dac9139e0e5d"
	// writer is the role of the registry's key, and manager one that has it all.
	writer  = "crn:v1:bluemix:public:iam::::serviceRole:Writer"
	manager = "crn:v1:bluemix:public:iam::::serviceRole:Manager"
	// maxPages bounds a listing: resources of one name are few.
	maxPages = 20

	controller     = "Resource Controller"
	groupDirectory = "Resource Manager"
)

// States of a service instance.
const (
	stateActive       = "active"
	stateProvisioning = "provisioning"
	stateRemoved      = "removed"
)

// instance is a service instance.
type instance struct {
	CRN   string `json:"crn"`
	Name  string `json:"name"`
	State string `json:"state"`
	Group string `json:"resource_group_id"`
	Plan  string `json:"resource_plan_id"`
}

// gone tells that an instance is not coming back by itself: removed, or waiting to be.
func (i instance) gone() bool { return i.State != stateActive && i.State != stateProvisioning }

// resourceKey is what the Resource Controller calls a service credential.
type resourceKey struct {
	CRN         string `json:"crn"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Source      string `json:"source_crn"`
	Credentials struct {
		Role string `json:"iam_role_crn"`
		HMAC struct {
			AccessKeyID     string `json:"access_key_id"`
			SecretAccessKey string `json:"secret_access_key"`
		} `json:"cos_hmac_keys"`
	} `json:"credentials"`
}

// page is one page of a listing.
type page[T any] struct {
	Next      string `json:"next_url"`
	Resources []T    `json:"resources"`
}

// first returns the first listed resource that fits; found is false when none does.
func first[T any](ctx context.Context, s *session, service, endpoint, path string, fits func(T) bool) (resource T, found bool, err error) {
	for range maxPages {
		var answer page[T]
		if err := s.call(ctx, service, http.MethodGet, endpoint+path, nil, &answer); err != nil {
			return resource, false, err
		}
		for _, r := range answer.Resources {
			if fits(r) {
				return r, true, nil
			}
		}
		// Only the path and the query count: a token must not follow a URL to another host.
		next, err := url.Parse(answer.Next)
		if answer.Next == "" {
			return resource, false, nil
		}
		if err != nil {
			return resource, false, fmt.Errorf("reading where the list goes on: %w", err)
		}
		path = next.RequestURI()
	}
	return resource, false, nil
}

// instance reads a service instance.
func (s *session) instance(ctx context.Context, crn string) (instance, error) {
	var i instance
	err := s.call(ctx, controller, http.MethodGet, s.endpoints.ResourceController+"/v2/resource_instances/"+url.PathEscape(crn), nil, &i)
	return i, err
}

// findInstance looks for the service instance of that name in a resource group.
func (s *session) findInstance(ctx context.Context, name, group string) (instance, bool, error) {
	query := url.Values{"name": {name}, "resource_group_id": {group}, "resource_plan_id": {plan}}
	return first(ctx, s, controller, s.endpoints.ResourceController, "/v2/resource_instances?"+query.Encode(), func(i instance) bool {
		return i.Name == name && i.Group == group && i.Plan == plan && !i.gone()
	})
}

// createInstance makes a service instance; object storage is everywhere, hence the target.
func (s *session) createInstance(ctx context.Context, name, group, tag string) (instance, error) {
	var i instance
	err := s.call(ctx, controller, http.MethodPost, s.endpoints.ResourceController+"/v2/resource_instances", map[string]any{
		"name": name, "target": "bluemix-global", "resource_group": group, "resource_plan_id": plan, "tags": []string{tag},
	}, &i)
	return i, err
}

// key reads a resource key with its credentials.
func (s *session) key(ctx context.Context, crn string) (resourceKey, error) {
	var k resourceKey
	err := s.call(ctx, controller, http.MethodGet, s.endpoints.ResourceController+"/v2/resource_keys/"+url.PathEscape(crn), nil, &k)
	return k, err
}

// findKey looks for the resource key of that name of a service instance.
func (s *session) findKey(ctx context.Context, name, source string) (resourceKey, bool, error) {
	query := url.Values{"name": {name}}
	return first(ctx, s, controller, s.endpoints.ResourceController, "/v2/resource_keys?"+query.Encode(), func(k resourceKey) bool {
		return k.Name == name && k.Source == source && k.State != stateRemoved
	})
}

// createKey makes a resource key with an HMAC pair.
func (s *session) createKey(ctx context.Context, name, source string) (resourceKey, error) {
	var k resourceKey
	err := s.call(ctx, controller, http.MethodPost, s.endpoints.ResourceController+"/v2/resource_keys", map[string]any{
		"name": name, "source": source, "role": writer, "parameters": map[string]any{"HMAC": true},
	}, &k)
	return k, err
}

// resourceGroup is a group of the account.
type resourceGroup struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// group finds a resource group of the account by its name.
func (s *session) group(ctx context.Context, name string) (resourceGroup, bool, error) {
	identity, err := s.identify(ctx)
	if err != nil {
		return resourceGroup{}, false, err
	}
	query := url.Values{"account_id": {identity.account}, "name": {name}}
	return first(ctx, s, groupDirectory, s.endpoints.ResourceManager, "/v2/resource_groups?"+query.Encode(), func(g resourceGroup) bool {
		return strings.EqualFold(g.Name, name)
	})
}

// groupName is the name of a resource group.
func (s *session) groupName(ctx context.Context, id string) (string, error) {
	var g resourceGroup
	err := s.call(ctx, groupDirectory, http.MethodGet, s.endpoints.ResourceManager+"/v2/resource_groups/"+url.PathEscape(id), nil, &g)
	return g.Name, err
}
