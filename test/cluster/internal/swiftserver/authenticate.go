package swiftserver

import (
	"encoding/json"
	"io"
	"slices"
	"time"
)

// authRequest is the body of POST /v3/auth/tokens.
type authRequest struct {
	Auth *struct {
		Identity *identity `json:"identity"`
		Scope    *scope    `json:"scope"`
	} `json:"auth"`
}

type identity struct {
	Methods  []string `json:"methods"`
	Password *struct {
		User *userRef `json:"user"`
	} `json:"password"`
	Token *struct {
		ID string `json:"id"`
	} `json:"token"`
	Application *struct {
		ID     string   `json:"id"`
		Name   string   `json:"name"`
		Secret string   `json:"secret"`
		User   *userRef `json:"user"`
	} `json:"application_credential"`
}

// userRef is a user by id, or by name within a domain.
type userRef struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Password string     `json:"password"`
	Domain   *domainRef `json:"domain"`
}

type domainRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// scope is the project that a token is for.
type scope struct {
	Project *struct {
		ID     string     `json:"id"`
		Name   string     `json:"name"`
		Domain *domainRef `json:"domain"`
	} `json:"project"`
}

// authenticate reads a request for a token. Unknown members are refused: Keystone checks requests against a schema.
func (k *keystone) authenticate(body io.Reader) (token, *refusal) {
	var request authRequest
	decoder := json.NewDecoder(io.LimitReader(body, 1<<16))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return token{}, malformed("the request is not understood: %v", err)
	}
	if request.Auth == nil || request.Auth.Identity == nil || len(request.Auth.Identity.Methods) != 1 {
		return token{}, malformed("auth.identity with one method is expected")
	}
	id := request.Auth.Identity
	granted := token{methods: id.Methods, issued: time.Now(), expires: time.Now().Add(tokenLife)}
	switch {
	case id.Methods[0] == "password" && id.Password != nil && id.Password.User != nil:
		return k.byPassword(granted, *id.Password.User, request.Auth.Scope)
	case id.Methods[0] == "token" && id.Token != nil:
		return k.byToken(granted, id.Token.ID, request.Auth.Scope)
	case id.Methods[0] == "application_credential" && id.Application != nil:
		return k.byApplication(granted, id, request.Auth.Scope)
	}
	return token{}, malformed("method %s and its member are expected together", id.Methods[0])
}

func (k *keystone) byPassword(granted token, ref userRef, wanted *scope) (token, *refusal) {
	user, refused := k.resolve(ref)
	if refused != nil {
		return token{}, refused
	}
	if user == nil || !same(user.Password, ref.Password) {
		return token{}, unauthorized
	}
	granted.user = user
	return k.scoped(granted, wanted)
}

// byToken makes another token of one; it lives no longer.
func (k *keystone) byToken(granted token, id string, wanted *scope) (token, *refusal) {
	old, good := k.lookup(id)
	if !good {
		return token{}, unauthorized
	}
	granted.user, granted.expires = old.user, old.expires
	granted.methods = append([]string{"token"}, old.methods...)
	if wanted == nil {
		granted.project, granted.role = old.project, old.role
		return granted, nil
	}
	return k.scoped(granted, wanted)
}

func (k *keystone) byApplication(granted token, id *identity, wanted *scope) (token, *refusal) {
	if wanted != nil {
		return token{}, &refusal{unauthorized.status, "Application credentials cannot request a scope."}
	}
	a := id.Application
	var owner *User
	if a.ID == "" {
		if a.User == nil {
			return token{}, malformed("an application credential by name needs its user")
		}
		var refused *refusal
		if owner, refused = k.resolve(*a.User); refused != nil {
			return token{}, refused
		}
	}
	found := find(k.directory.Applications, func(candidate Application) bool {
		if a.ID != "" {
			return candidate.ID == a.ID
		}
		return owner != nil && candidate.Name == a.Name && candidate.User == owner.Name
	})
	if found == nil || !same(found.Secret, a.Secret) {
		return token{}, unauthorized
	}
	granted.user, granted.project = k.directory.user(found.User), k.directory.project(found.Project)
	granted.role = granted.user.Roles[found.Project]
	return granted, nil
}

// resolve finds a user; nil for one that does not exist.
func (k *keystone) resolve(ref userRef) (*User, *refusal) {
	if ref.ID == "" && (ref.Name == "" || ref.Domain == nil || (ref.Domain.ID == "") == (ref.Domain.Name == "")) {
		return nil, malformed("a user is named by id, or by name and domain (its id or its name)")
	}
	return find(k.directory.Users, func(u User) bool {
		return ref.ID == idOf(u.Name) || ref.Name == u.Name && ref.Domain.is(u.Domain)
	}), nil
}

func (d *domainRef) is(name string) bool {
	return d != nil && (d.ID == domainID(name) || d.ID == "" && d.Name == name)
}

// scoped gives a token its project; without a scope it stays without, and without catalogue and roles.
func (k *keystone) scoped(granted token, wanted *scope) (token, *refusal) {
	if wanted == nil {
		return granted, nil
	}
	p := wanted.Project
	if p == nil || p.ID == "" && (p.Name == "" || p.Domain == nil) {
		return token{}, malformed("a scope is a project: its id, or its name and domain")
	}
	i := slices.IndexFunc(k.directory.Projects, func(candidate Project) bool {
		return p.ID == idOf(candidate.Name) || p.ID == "" && p.Name == candidate.Name && p.Domain.is(defaultDomain)
	})
	if i < 0 {
		return token{}, unauthorized
	}
	granted.project = &k.directory.Projects[i]
	if granted.role = granted.user.Roles[granted.project.Name]; granted.role == "" {
		return token{}, unauthorized
	}
	return granted, nil
}
