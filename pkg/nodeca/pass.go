package nodeca

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Folders are where certificates come from and where they go.
type Folders struct {
	// Source is the mounted ConfigMap.
	Source string
	// Destination is the node's certs.d; it is made if it is missing.
	Destination string
}

// Result is what a pass did. The names are hosts.
type Result struct {
	Written, Unchanged, Removed []string
	// Ignored are keys that name no registry.
	Ignored []string
}

// Changed tells whether the pass wrote or removed anything.
func (r Result) Changed() bool { return len(r.Written)+len(r.Removed) > 0 }

// Pass makes the destination what the source says. A fault of one host does not hold up the others; the error has all of
// them. When the source cannot be read nothing is touched.
func (f Folders) Pass() (Result, error) {
	var result Result
	from, err := readSource(f.Source)
	if err != nil {
		return result, err
	}
	if err := os.MkdirAll(f.Destination, folderMode); err != nil {
		return result, fmt.Errorf("making %s: %w", f.Destination, err)
	}
	// Links on the node must not lead this program out of the folder.
	root, err := os.OpenRoot(f.Destination)
	if err != nil {
		return result, fmt.Errorf("opening %s: %w", f.Destination, err)
	}
	defer root.Close()
	to := destination{root}

	problems := from.problems
	for _, host := range slices.Sorted(maps.Keys(from.wanted)) {
		written, err := to.put(from.wanted[host])
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("host %s: %w", host, err))
		case written:
			result.Written = append(result.Written, host)
		default:
			result.Unchanged = append(result.Unchanged, host)
		}
	}
	removed, err := to.trim(from.wanted)
	result.Removed, problems = removed, append(problems, err)
	for _, other := range from.others {
		result.Ignored = append(result.Ignored, other.key)
	}
	former, err := to.removeFormer(from)
	result.Removed = append(result.Removed, former...)
	problems = append(problems, err)
	return result, errors.Join(problems...)
}
