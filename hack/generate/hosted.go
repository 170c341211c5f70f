package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// The annotations that say where the version operator applies a manifest.
const (
	selfManaged  = "include.release.openshift.io/self-managed-high-availability"
	singleNode   = "include.release.openshift.io/single-node-developer"
	hypershift   = "include.release.openshift.io/hypershift"
	ibmManaged   = "include.release.openshift.io/ibm-cloud-managed"
	operatorName = "cluster-image-registry-operator"
)

// masterRole is the label of the nodes that a self-managed control plane runs on.
const masterRole = "node-role.kubernetes.io/master"

// manifest is the head of an object, enough to tell objects apart.
type manifest struct {
	path     string
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

func parse(path string, content []byte) (manifest, error) {
	m := manifest{path: path}
	if err := yaml.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("parsing %s: %w", path, err)
	}
	return m, nil
}

// documentSeparator splits a file of several objects, which the hosted Deployment and the CRDs never are.
var documentSeparator = regexp.MustCompile(`(?m)^---\s*$`)

// readManifests reads the heads of the files with exactly one object.
func readManifests(dir string) ([]manifest, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("looking for manifests: %w", err)
	}
	var all []manifest
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading manifest: %w", err)
		}
		if len(documentSeparator.FindAll(bytes.TrimSpace(content), -1)) > 1 {
			continue
		}
		m, err := parse(path, content)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// hostedDeployment makes the Deployment for hosted control planes from the self-managed one: other annotations, no node
// selector (the pod runs in the hosting cluster, whose nodes have no such role), everything else the same.
func hostedDeployment(dir string) (output, error) {
	all, err := readManifests(dir)
	if err != nil {
		return output{}, err
	}
	var source, target string
	for _, m := range all {
		if m.Kind != "Deployment" || m.Metadata.Name != operatorName {
			continue
		}
		if m.Metadata.Annotations[selfManaged] != "" {
			source = m.path
		} else {
			target = m.path
		}
	}
	if source == "" {
		return output{}, fmt.Errorf("no Deployment %s with annotation %s in %s", operatorName, selfManaged, dir)
	}
	if target == "" {
		target = strings.TrimSuffix(source, ".yaml") + "-hosted.yaml"
	}
	content, err := os.ReadFile(source)
	if err != nil {
		return output{}, fmt.Errorf("reading the self-managed Deployment: %w", err)
	}
	hosted, err := makeHosted(content)
	if err != nil {
		return output{}, fmt.Errorf("making the hosted Deployment from %s: %w", source, err)
	}
	header := fmt.Sprintf("# Generated from %s by hack/generate (make update). Do not edit.\n", filepath.Base(source))
	return output{target, append([]byte(header), hosted...), source}, nil
}

func makeHosted(content []byte) ([]byte, error) {
	var object map[string]any
	if err := yaml.Unmarshal(content, &object); err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	annotations, err := descend(object, "metadata", "annotations")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{selfManaged, singleNode} {
		if _, ok := annotations[key]; !ok {
			return nil, fmt.Errorf("annotation %s is not there to be replaced", key)
		}
		delete(annotations, key)
	}
	annotations[hypershift], annotations[ibmManaged] = "true", "true"
	// The nodes of a hosted control plane have no such role; Linux they have to be all the same.
	selector, err := descend(object, "spec", "template", "spec", "nodeSelector")
	if err != nil {
		return nil, err
	}
	if _, ok := selector[masterRole]; !ok {
		return nil, fmt.Errorf("spec.template.spec.nodeSelector has no %s to be dropped", masterRole)
	}
	delete(selector, masterRole)
	hosted, err := yaml.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return hosted, nil
}

func descend(object map[string]any, path ...string) (map[string]any, error) {
	for _, key := range path {
		child, ok := object[key].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("no object %q on the way to %s", key, strings.Join(path, "."))
		}
		object = child
	}
	return object, nil
}
