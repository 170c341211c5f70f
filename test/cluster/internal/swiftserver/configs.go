package swiftserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ports are where the programs listen, on loopback.
type ports struct{ proxy, account, container, object, memcached, keystone int }

// pipeline is that of the Debian package, less what needs services that are not here, and with Keystone for tempauth.
// bulk is what deletes many objects at once, slo and dlo serve large objects, versioned_writes old versions.
const pipeline = "catch_errors gatekeeper healthcheck cache listing_formats bulk authtoken keystoneauth copy slo dlo versioned_writes symlink proxy-server"

// common begins the configuration of every server: one process, no privileges to drop, and nothing into the system's log.
const common = `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = %d
workers = 0
user = %s
swift_dir = %s
log_address = /nonexistent
log_level = WARNING
`

const proxyServer = `
[pipeline:main]
pipeline = ` + pipeline + `

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
node_timeout = 30

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:symlink]
use = egg:swift#symlink
[filter:dlo]
use = egg:swift#dlo

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:%[1]d

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = %[2]s

# A time of -1 has tokens asked for with every request.
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = http://127.0.0.1:%[3]d/v3
auth_url = http://127.0.0.1:%[3]d/v3
auth_type = password
user_domain_id = default
project_domain_id = default
project_name = %[4]s
username = %[5]s
password = %[6]s
delay_auth_decision = True
token_cache_time = %[7]d
memcached_servers = 127.0.0.1:%[1]d
log_level = WARNING
`

const storageServer = `devices = %[1]s
mount_check = false
disable_fallocate = true

[pipeline:main]
pipeline = %[2]s-server

[app:%[2]s-server]
use = egg:swift#%[2]s
`

// swiftConf is what all servers share. The suffix makes paths that nobody can guess on shared disks; here it is just
// obligatory.
const swiftConf = `[swift-hash]
swift_hash_path_suffix = cluster-test
[storage-policy:0]
name = Policy-0
default = yes
`

// writeConfigs writes rings and configuration into dir/etc. tokenCache is how many seconds Swift keeps what it was told about a
// token.
func writeConfigs(dir, user string, p ports, tokenCache int) error {
	etc, devices := filepath.Join(dir, "etc"), filepath.Join(dir, "devices")
	for _, folder := range []string{etc, filepath.Join(devices, device)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	head := func(port int) string { return fmt.Sprintf(common, port, user, etc) }
	files := map[string]string{
		"swift.conf": swiftConf,
		"proxy-server.conf": head(p.proxy) + fmt.Sprintf(proxyServer, p.memcached, strings.Join(operatorRoles, ", "),
			p.keystone, serviceProject, serviceUser, servicePassword, tokenCache),
	}
	for name, port := range map[string]int{"account": p.account, "container": p.container, "object": p.object} {
		files[name+"-server.conf"] = head(port) + fmt.Sprintf(storageServer, devices, name)
		if err := writeRing(etc, name, port); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
