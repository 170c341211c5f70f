package move

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxNamed bounds how many files are named in a report: it goes into a condition.
const maxNamed = 10

// Progress is what the Job's pod tells the operator, in the annotation names.MoveProgressAnnotation of the Job.
type Progress struct {
	// Files and Bytes are what the source has, as far as it has been listed.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// Done is how many of the files are in the target.
	Done int64 `json:"done"`
	// Corrupt names files of the source whose content is not what their path says, at most ten; MoreCorrupt counts the
	// others.
	Corrupt     []string `json:"corrupt,omitempty"`
	MoreCorrupt int      `json:"moreCorrupt,omitempty"`
	// Compared tells that what the target had before has been compared with its digests: the next pod of the Job need not.
	Compared bool `json:"compared,omitempty"`
	// Error is the latest failure.
	Error string `json:"error,omitempty"`
}

// Encode is the text of the annotation.
func (p Progress) Encode() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return string(text)
}

// ParseProgress reads the annotation. What does not parse says nothing: it is there for people to read.
func ParseProgress(text string) Progress {
	var p Progress
	if json.Unmarshal([]byte(text), &p) != nil {
		return Progress{}
	}
	return p
}

// Count is how far the copy has come, for people; empty before anything is known.
func (p Progress) Count() string {
	if p.Files == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s files", thousands(p.Done), thousands(p.Files))
}

// Amount is how much the source has.
func (p Progress) Amount() string {
	return fmt.Sprintf("%s files, %s", thousands(p.Files), size(p.Bytes))
}

// Complaint is what stands in the way; empty for nothing.
func (p Progress) Complaint() string {
	if len(p.Corrupt) == 0 {
		return p.Error
	}
	text := fmt.Sprintf("%d files of the source are corrupt: %s", len(p.Corrupt)+p.MoreCorrupt, strings.Join(p.Corrupt, ", "))
	if p.MoreCorrupt > 0 {
		text += fmt.Sprintf(" and %d more", p.MoreCorrupt)
	}
	return text
}

// named is paths, sorted, as far as they are named, and the number of others.
func named(paths []string) (first []string, more int) {
	slices.Sort(paths)
	if len(paths) <= maxNamed {
		return paths, 0
	}
	return paths[:maxNamed], len(paths) - maxNamed
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// size writes a number of bytes in the unit that suits it.
func size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	value, unit := float64(n), 0
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d %s", n, units[0])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
