// Package lifecycle brings a cluster up, tells how it is, and takes it down again without a trace.
//
// Four processes take part. The supervisor ("cluster up") prepares, prints and waits. The engine starts the cluster's
// programs, inside a sandbox where there is one; process 1 of the sandbox stands between the two. The janitor waits for
// the supervisor to be gone, however that happened, and removes what the kernel does not: cgroups and files.
package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Home is the folder that holds everything: binaries, images and the clusters.
type Home string

// Paths are the files of one cluster.
type Paths struct {
	Home string
	Name string
	// Dir is the cluster's folder.
	Dir string
}

var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$`)

// Cluster returns the paths of a cluster. The name becomes part of cgroups and file names.
func (h Home) Cluster(name string) (Paths, error) {
	if !validName.MatchString(name) {
		return Paths{}, Cure(fmt.Errorf("cluster name %q is not usable", name),
			"use at most 32 lower case letters, digits and dashes")
	}
	dir, err := filepath.Abs(string(h))
	if err != nil {
		return Paths{}, fmt.Errorf("resolving %s: %w", h, err)
	}
	return Paths{Home: dir, Name: name, Dir: filepath.Join(dir, "clusters", name)}, nil
}

// Bin is where built programs are kept.
func (h Home) Bin() string { return filepath.Join(string(h), "bin") }

// Images is where image tarballs are kept.
func (h Home) Images() string { return filepath.Join(string(h), "images") }

// Names lists the clusters that have a folder, running or not.
func (h Home) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(string(h), "clusters"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the clusters: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// clusterLifetime is how long the logs of a cluster that has ended are kept.
const clusterLifetime = 24 * time.Hour

// forgetClusters removes what clusters of other names left for reading: tests use a new name each time. It is no reason
// to fail.
func (h Home) forgetClusters() {
	names, _ := h.Names()
	for _, name := range names {
		p, err := h.Cluster(name)
		if err != nil {
			continue
		}
		info, err := os.Stat(p.Dir)
		if err != nil || time.Since(info.ModTime()) < clusterLifetime {
			continue
		}
		if l, err := tryLock(p); err == nil {
			_ = os.RemoveAll(p.Dir)
			_ = os.Remove(p.SupervisorLog())
			l.release()
		}
	}
}

func (p Paths) join(parts ...string) string {
	return filepath.Join(append([]string{p.Dir}, parts...)...)
}

// Kubeconfig is the administrator's kubeconfig for use on the machine.
func (p Paths) Kubeconfig() string { return p.join("kubeconfig") }

// State is the file that exists while the cluster is ready.
func (p Paths) State() string { return p.join("state.json") }

// Release is the folder the version operator applies from.
func (p Paths) Release() string { return p.join("release") }

func (p Paths) auditLog() string     { return p.join("audit.log") }
func (p Paths) logs() string         { return p.join("logs") }
func (p Paths) pki() string          { return p.join("pki") }
func (p Paths) s3() string           { return p.join("s3") }
func (p Paths) engineConfig() string { return p.join("engine.json") }

// enginePID holds the number of the engine's process.
func (p Paths) enginePID() string { return p.join("engine.pid") }

// scratch is where the sandbox mounts its file system in memory.
func (p Paths) scratch() string { return p.join("sandbox") }

// lock is beside the folder, not in it: it is held while the folder is removed.
func (p Paths) lock() string { return p.Dir + ".lock" }

// SupervisorLog is the output of a detached supervisor. It is beside the folder, which each start makes anew.
func (p Paths) SupervisorLog() string { return p.Dir + ".log" }

// volatile are the folders that are of no use once the cluster is down. Logs, the audit log and certificates stay for
// whoever wants to know why, until the next start.
func (p Paths) volatile() []string {
	return []string{p.join("control-plane"), p.join("nodes"), p.s3(), p.Release(), p.scratch()}
}
