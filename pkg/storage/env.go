package storage

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v2"
)

// RenderEnv renders the value of v the way the registry reads it: as YAML, without the trailing newline. A string that
// YAML would take for something else comes out quoted; a struct or list becomes a block with its keys in the order
// of their declaration.
func RenderEnv(v EnvVar) (string, error) {
	text, err := yaml.Marshal(v.Value)
	if err != nil {
		return "", fmt.Errorf("rendering variable %s: %w", v.Name, err)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}
