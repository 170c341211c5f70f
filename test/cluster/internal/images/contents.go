package images

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

//go:embed files/*
var embedded embed.FS

// user is the numeric user of the images. OpenShift gives pods a user of the namespace's range instead, so nothing
// in the images may depend on this one.
const user = "1001"

// searchPath is what a shell in the images looks through.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Applets are the busybox commands that the images offer, under /bin and /usr/bin: those that the registry's pod
// spec, the entry points and update-ca-trust call, and those that make `kubectl exec` useful.
var Applets = []string{
	"awk", "base64", "basename", "cat", "chmod", "cp", "cut", "date", "df", "dirname", "du", "echo", "env", "expr",
	"false", "find", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mktemp", "mount", "mv", "nc",
	"nslookup", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "sh", "sha256sum", "sleep",
	"sort", "stat", "sync", "tail", "tar", "tee", "test", "touch", "tr", "true", "uname", "uniq", "wc", "wget",
	"which", "xargs",
}

// Registry is the operand's image: what the pod template of the operator expects to find in OpenShift's registry
// image, and nothing else.
func Registry(dockerregistryBin, busyboxBin string) (Config, []File) {
	files := append(base(busyboxBin),
		File{Path: "/usr/bin/dockerregistry", Source: dockerregistryBin, Mode: 0o755, Static: true},
		// Where the filesystem driver keeps its data; the operator mounts a volume over it.
		File{Path: "/registry", Dir: true, Mode: 0o777},
	)
	config := Config{Entrypoint: []string{"/usr/bin/dockerregistry"}, Env: []string{searchPath}, User: user}
	return config, files
}

// Operator is the operator's image: the binary, its entry point, and the manifests that make up its share of a
// release, as `oc adm release` would read them from the image.
func Operator(operatorBin, busyboxBin, manifestsDir string) (Config, []File) {
	files := append(base(busyboxBin),
		File{Path: "/usr/bin/cluster-image-registry-operator", Source: operatorBin, Mode: 0o755, Static: true},
		File{Path: "/usr/bin/entrypoint.sh", Content: script("entrypoint.sh"), Mode: 0o755},
	)
	files = append(files, manifests(manifestsDir)...)
	config := Config{
		Entrypoint: []string{"/usr/bin/entrypoint.sh"},
		Env:        []string{searchPath},
		User:       user,
		Labels:     map[string]string{"io.openshift.release.operator": "true"},
	}
	return config, files
}

// CLI is the image of the pruner's pods: a shell, which the CronJob calls, and oc.
func CLI(ocBin, busyboxBin string) (Config, []File) {
	files := append(base(busyboxBin), File{Path: "/usr/bin/oc", Source: ocBin, Mode: 0o755, Static: true})
	return Config{Entrypoint: []string{"/usr/bin/oc"}, Env: []string{searchPath}, User: user}, files
}

// Pause is the image of the pod sandbox: one static program that waits for a signal.
func Pause(bin string) (Config, []File) {
	return Config{Entrypoint: []string{"/pause"}, User: "65535"},
		[]File{{Path: "/pause", Source: bin, Mode: 0o755, Static: true}}
}

// base is the common ground of the images with a shell: busybox with its links, a user database, temporary
// folders, and the trust store's folders and tool.
func base(busyboxBin string) []File {
	files := []File{
		{Path: "/bin/busybox", Source: busyboxBin, Mode: 0o755, Static: true},
		{Path: "/etc/passwd", Content: script("passwd"), Mode: 0o644},
		{Path: "/etc/group", Content: script("group"), Mode: 0o644},
		{Path: "/tmp", Dir: true, Mode: 0o1777},
		{Path: "/var/tmp", Dir: true, Mode: 0o1777},
		{Path: "/run", Dir: true, Mode: 0o755},
		{Path: "/usr/bin/update-ca-trust", Content: script("update-ca-trust"), Mode: 0o755},
		{Path: "/etc/pki/ca-trust/source/anchors", Dir: true, Mode: 0o755},
		{Path: "/usr/share/pki/ca-trust-source/anchors", Dir: true, Mode: 0o755},
		// Go programs look here for roots; the pods that want others mount an emptyDir over a part of it.
		{Path: "/etc/pki/ca-trust/extracted", Dir: true, Mode: 0o777},
		{Path: "/etc/pki/ca-trust/extracted/pem", Dir: true, Mode: 0o777},
		{
			Path: "/etc/pki/tls/certs/ca-bundle.crt",
			Link: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		},
	}
	for _, applet := range Applets {
		for _, dir := range []string{"/bin", "/usr/bin"} {
			files = append(files, File{Path: path.Join(dir, applet), Link: "/bin/busybox"})
		}
	}
	return files
}

// manifests lists the folder's files. A folder that cannot be read yields an entry whose Source does not exist, so
// that Build reports it: the signature shared with the other images has no error.
func manifests(dir string) []File {
	files := []File{{Path: "/manifests", Dir: true, Mode: 0o755}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return append(files, File{Path: "/manifests/unreadable", Source: dir})
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		files = append(files, File{
			Path:   path.Join("/manifests", entry.Name()),
			Source: filepath.Join(dir, entry.Name()),
			Mode:   0o644,
		})
	}
	return files
}

// script returns an embedded file; a missing one is a mistake of this package, found by its first test.
func script(name string) []byte {
	content, err := fs.ReadFile(embedded, "files/"+name)
	if err != nil {
		panic(fmt.Sprintf("embedded file %s: %v", name, err))
	}
	return content
}
