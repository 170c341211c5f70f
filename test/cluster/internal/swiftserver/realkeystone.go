package swiftserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/process"
)

// identities is who knows users and tokens: the stand-in, or Keystone itself.
type identities struct {
	handler http.Handler
	// start is what has to be done before Swift can ask; nil for nothing.
	start func(ctx context.Context, group *process.Group) error
	// tokenCache is how many seconds Swift keeps what it was told about a token; -1 for not at all.
	tokenCache int
}

// identities is the one that the options ask for. A revoked token is refused at once, which tests of the stand-in want; Keystone
// itself takes too long to be asked about each of a thousand objects.
func (o *Options) identities(standIn *keystone, dir, outside string, port int) identities {
	if o.Keystone == "" {
		return identities{handler: standIn.handler(), tokenCache: -1}
	}
	k := &realKeystone{programs: programs{o.Keystone}, dir: filepath.Join(dir, "keystone"), outside: outside}
	start := func(ctx context.Context, group *process.Group) error { return k.start(ctx, group, port, o.Directory) }
	return identities{handler: k.handler(port), start: start, tokenCache: 300}
}

func (i identities) startSwift(ctx context.Context, group *process.Group, p programs, dir string, at ports) error {
	if i.start != nil {
		if err := i.start(ctx, group); err != nil {
			return fmt.Errorf("starting Keystone: %w", err)
		}
	}
	return p.start(ctx, group, dir, at, i.tokenCache)
}

// realKeystone is Debian's Keystone with a database of its own, in the place of the stand-in. Its catalogue is the same for
// all projects, and ids are its own: of a directory it has users, projects and their roles, and the first service that a
// project names.
type realKeystone struct {
	programs
	// dir is its folder; outside is the URL of the front, and base that of Keystone.
	dir, outside, base string
	// token is the administrator's.
	token string
}

const adminPassword = "keystone-admin-password"

// keystoneConf: passwords of tests need no strength, and the rounds of a hash are most of what a login costs.
const keystoneConf = `[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///%[1]s/keystone.db
[fernet_tokens]
key_repository = %[1]s/fernet
[identity]
password_hash_rounds = 4
[cache]
enabled = false
`

// writeAhead lets a connection write while another is still reading, as those of one request do.
const writeAhead = `import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("pragma journal_mode=wal")`

// start runs Keystone on a port until the group is stopped, and puts the directory into it.
func (k *realKeystone) start(ctx context.Context, group *process.Group, port int, d Directory) error {
	config := filepath.Join(k.dir, "keystone.conf")
	if err := k.write(config); err != nil {
		return fmt.Errorf("writing Keystone's configuration: %w", err)
	}
	python, err := k.python()
	if err != nil {
		return err
	}
	k.base = "http://" + loopback + ":" + strconv.Itoa(port)
	manage := []string{k.path("keystone-manage"), "--config-file", config}
	for _, args := range [][]string{
		append(slices.Clone(manage), "db_sync"),
		append(slices.Clone(manage), "bootstrap", "--bootstrap-password", adminPassword, "--bootstrap-region-id", d.Projects[0].Region,
			"--bootstrap-internal-url", k.base+"/v3", "--bootstrap-public-url", k.outside+identityPrefix+"/v3"),
		{"-c", writeAhead, filepath.Join(k.dir, "keystone.db")},
	} {
		cmd := exec.CommandContext(ctx, python, args...)
		cmd.Env, cmd.Dir = k.environment(), k.dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("making the database: %w:\n%s", err, output)
		}
	}
	_, err = group.Start(process.Spec{Name: "keystone", Path: python, Env: k.environment(), Dir: k.dir, Args: []string{
		python, k.path("keystone-wsgi-public"), "--host", loopback, "--port", strconv.Itoa(port), "--", "--config-file", config,
	}})
	if err != nil {
		return err
	}
	if err := group.Until(ctx, "keystone", startLimit, func(ctx context.Context) error { return connects(ctx, port) }); err != nil {
		return err
	}
	return k.fill(ctx, d)
}

// write makes the configuration, and the two keys that tokens are made with.
func (k *realKeystone) write(config string) error {
	keys := filepath.Join(k.dir, "fernet")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"0", "1"} {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		if err := os.WriteFile(filepath.Join(keys, name), []byte(base64.URLEncoding.EncodeToString(key)), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(config, fmt.Appendf(nil, keystoneConf, k.dir), 0o600)
}

// handler leads to Keystone.
func (k *realKeystone) handler(port int) http.Handler {
	target := &url.URL{Scheme: "http", Host: loopback + ":" + strconv.Itoa(port)}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// It answers one request per connection.
		Transport: &http.Transport{DisableKeepAlives: true},
	}
}

// fill makes what the directory has.
func (k *realKeystone) fill(ctx context.Context, d Directory) error {
	if err := k.login(ctx); err != nil {
		return err
	}
	projects, roles := map[string]string{}, map[string]string{}
	for _, p := range d.Projects {
		id, err := k.create(ctx, "project", map[string]any{"name": p.Name, "domain_id": "default"})
		if err != nil {
			return err
		}
		projects[p.Name] = id
	}
	for _, user := range d.Users {
		id, err := k.create(ctx, "user", map[string]any{"name": user.Name, "password": user.Password, "domain_id": domainID(user.Domain)})
		if err != nil {
			return err
		}
		for project, role := range user.Roles {
			if roles[role], err = k.role(ctx, role); err != nil {
				return err
			}
			path := "/v3/projects/" + projects[project] + "/users/" + id + "/roles/" + roles[role]
			if _, err := k.call(ctx, http.MethodPut, path, nil, nil); err != nil {
				return err
			}
		}
	}
	return k.catalogue(ctx, d.Projects[0])
}

// catalogue puts Swift into it, as a project describes it.
func (k *realKeystone) catalogue(ctx context.Context, p Project) error {
	service, err := k.create(ctx, "service", map[string]any{"type": p.ServiceType, "name": p.ServiceName})
	if err != nil {
		return err
	}
	_, err = k.create(ctx, "endpoint", map[string]any{
		"interface": "public", "region_id": p.Region, "service_id": service, "url": k.outside + "/v1/AUTH_%(project_id)s",
	})
	return err
}

// role finds a role by its name, and makes those that Keystone does not come with.
func (k *realKeystone) role(ctx context.Context, name string) (string, error) {
	var found struct {
		Roles []struct {
			ID string `json:"id"`
		} `json:"roles"`
	}
	if _, err := k.call(ctx, http.MethodGet, "/v3/roles?name="+url.QueryEscape(name), nil, &found); err != nil {
		return "", err
	}
	if len(found.Roles) > 0 {
		return found.Roles[0].ID, nil
	}
	return k.create(ctx, "role", map[string]any{"name": name})
}

// login gets the administrator's token.
func (k *realKeystone) login(ctx context.Context) error {
	domain := map[string]any{"id": "default"}
	body := map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
			"user": map[string]any{"name": "admin", "password": adminPassword, "domain": domain},
		}},
		"scope": map[string]any{"project": map[string]any{"name": "admin", "domain": domain}},
	}}
	header, err := k.call(ctx, http.MethodPost, "/v3/auth/tokens", body, nil)
	k.token = header.Get("X-Subject-Token")
	return err
}

// create makes a thing of a kind, and returns its id.
func (k *realKeystone) create(ctx context.Context, kind string, what map[string]any) (string, error) {
	var made map[string]struct {
		ID string `json:"id"`
	}
	_, err := k.call(ctx, http.MethodPost, "/v3/"+kind+"s", map[string]any{kind: what}, &made)
	return made[kind].ID, err
}

// call asks Keystone, and decodes its answer into answer unless that is nil.
func (k *realKeystone) call(ctx context.Context, method, path string, body, answer any) (http.Header, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, k.base+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Auth-Token", k.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode >= http.StatusMultipleChoices:
		return nil, fmt.Errorf("keystone: %s %s: %s: %s", method, path, response.Status, got)
	case answer == nil:
		return response.Header, nil
	}
	return response.Header, json.Unmarshal(got, answer)
}
