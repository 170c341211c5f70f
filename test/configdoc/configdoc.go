// Package configdoc reads docs/configuration.md: the entries, the examples in it, and what each example says that it
// gives. The page is for people; its shape is narrow enough for tests to hold it to its word.
//
// An entry is a heading `### spec.field` (in backquotes) with a line "**Default:**" and a line "**Bad value:**", or a row
// of a table whose first cell is the field's path in backquotes. An example is a block of YAML, a merge patch of the object
// that its chapter is about. Comments at its top are read:
//
//	# on: s3                            what the cluster has before (see Bases)
//	# gives: KIND[/NAME] WHAT           what follows, once for each consequence (see Effect)
//	# refused: TEXT                     the API server refuses it with TEXT in the message
package configdoc

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Bases are what an example can be applied to: the key after "on:".
var Bases = map[string]string{
	"emptyDir": "a Managed registry with one replica on emptyDir; the default",
	"s3":       "a Managed registry on AWS with the bucket that the operator made",
	"removed":  "a Config as bare metal starts with: Removed, without storage",
}

// Document is the page.
type Document struct {
	Chapters []Chapter
}

// Chapter is about one kind: Config or ImagePruner.
type Chapter struct {
	Kind     string
	Entries  []Entry
	Examples []Example
}

// Entry describes one field.
type Entry struct {
	// Path is the field, for instance spec.routes[].name.
	Path string
	Line int
	// Default and Bad are the texts on the default and on bad values; empty when the page lacks them.
	Default, Bad string
}

// Example is a block of YAML.
type Example struct {
	Line    int
	On      string
	Gives   []Effect
	Refused string
	// YAML is the block as it is, Patch the same as a JSON merge patch.
	YAML  string
	Patch []byte
	// Paths are the fields that it sets, in the form of Entry.Path, every level of each.
	Paths map[string]bool
}

// Effect is one consequence.
type Effect struct {
	// Kind and Name say which object is looked at; an empty name is the one that the operator makes of that kind.
	Kind, Name string
	// What is the field of the object, or one of the words env, arg, condition and event with what follows it.
	What string
	// Want is the value; empty with Set for any value at all.
	Want string
	Set  bool
}

func (e Effect) String() string {
	object := e.Kind
	if e.Name != "" {
		object += "/" + e.Name
	}
	if e.Set {
		return fmt.Sprintf("%s %s is set", object, e.What)
	}
	return fmt.Sprintf("%s %s = %s", object, e.What, e.Want)
}

var (
	chapterLine = regexp.MustCompile("^## (Config|ImagePruner)$")
	headingLine = regexp.MustCompile("^#{3,4} `(spec[^`]*)`$")
	tableLine   = regexp.MustCompile("^\\| `(spec[^`]*)` \\|")
	commentLine = regexp.MustCompile(`^# (on|gives|refused): (.+)$`)
	effectText  = regexp.MustCompile(`^([a-z]+)(?:/([a-z0-9.-]+))? (?:(arg) (.+)|(.+?)(?: = (.*)| (is set)))$`)
)

// Load reads the page.
func Load(path string) (Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Document{}, err
	}
	return Parse(string(text))
}

// Parse reads the text of the page.
func Parse(text string) (Document, error) {
	p := parser{}
	for i, line := range strings.Split(text, "\n") {
		if err := p.take(i+1, line); err != nil {
			return p.document, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if p.block != nil {
		return p.document, fmt.Errorf("line %d: the block does not end", p.block.Line)
	}
	return p.document, nil
}

type parser struct {
	document Document
	entry    *Entry
	block    *Example
}

func (p *parser) take(number int, line string) error {
	if p.block != nil {
		return p.takeBlock(line)
	}
	if match := chapterLine.FindStringSubmatch(line); match != nil {
		p.document.Chapters, p.entry = append(p.document.Chapters, Chapter{Kind: match[1]}), nil
		return nil
	}
	if strings.HasPrefix(line, "## ") {
		p.entry = nil
		return nil
	}
	if len(p.document.Chapters) == 0 {
		return nil
	}
	chapter := &p.document.Chapters[len(p.document.Chapters)-1]
	switch {
	case headingLine.MatchString(line):
		chapter.Entries = append(chapter.Entries, Entry{Path: headingLine.FindStringSubmatch(line)[1], Line: number})
		p.entry = &chapter.Entries[len(chapter.Entries)-1]
	case tableLine.MatchString(line):
		return p.takeRow(chapter, number, line)
	case line == "```yaml":
		p.block = &Example{Line: number, On: "emptyDir"}
	case p.entry != nil && strings.HasPrefix(line, "**Default:** "):
		p.entry.Default = line
	case p.entry != nil && strings.HasPrefix(line, "**Bad value:** "):
		p.entry.Bad = line
	}
	return nil
}

// takeRow reads a row of a table with the columns field, effect, default, bad value.
func (p *parser) takeRow(chapter *Chapter, number int, line string) error {
	cells := strings.Split(strings.Trim(line, "| "), " | ")
	if len(cells) != 4 {
		return fmt.Errorf("a row of fields has 4 cells (field, effect, default, bad value), this one has %d", len(cells))
	}
	chapter.Entries = append(chapter.Entries, Entry{
		Path: tableLine.FindStringSubmatch(line)[1], Line: number, Default: strings.TrimSpace(cells[2]), Bad: strings.TrimSpace(cells[3]),
	})
	return nil
}

func (p *parser) takeBlock(line string) error {
	if line == "```" {
		block := *p.block
		p.block = nil
		if err := block.finish(); err != nil {
			return err
		}
		chapter := &p.document.Chapters[len(p.document.Chapters)-1]
		chapter.Examples = append(chapter.Examples, block)
		return nil
	}
	match := commentLine.FindStringSubmatch(line)
	if match == nil {
		p.block.YAML += line + "\n"
		return nil
	}
	switch match[1] {
	case "on":
		p.block.On = match[2]
		if _, known := Bases[match[2]]; !known {
			return fmt.Errorf("nothing is called %q: an example can be on %v", match[2], Bases)
		}
	case "refused":
		p.block.Refused = match[2]
	case "gives":
		effect, err := parseEffect(match[2])
		if err != nil {
			return err
		}
		p.block.Gives = append(p.block.Gives, effect)
	}
	return nil
}

func parseEffect(text string) (Effect, error) {
	match := effectText.FindStringSubmatch(text)
	if match == nil {
		return Effect{}, fmt.Errorf("%q is not of the form KIND[/NAME] WHAT = VALUE, KIND[/NAME] WHAT is set or KIND arg ARGUMENT", text)
	}
	if match[3] != "" {
		return Effect{Kind: match[1], Name: match[2], What: match[3], Want: match[4]}, nil
	}
	return Effect{Kind: match[1], Name: match[2], What: match[5], Want: match[6], Set: match[7] != ""}, nil
}

// finish reads the YAML of a whole block.
func (e *Example) finish() error {
	patch, err := yaml.YAMLToJSONStrict([]byte(e.YAML))
	if err != nil {
		return fmt.Errorf("the example that begins at line %d: %w", e.Line, err)
	}
	if (len(e.Gives) == 0) == (e.Refused == "") {
		return fmt.Errorf("the example that begins at line %d says neither what it gives nor that it is refused, or both", e.Line)
	}
	var content map[string]any
	if err := yaml.Unmarshal([]byte(e.YAML), &content); err != nil {
		return err
	}
	e.Patch, e.Paths = patch, map[string]bool{}
	paths("", content, e.Paths)
	return nil
}

// paths adds every field that content sets to found.
func paths(path string, content any, found map[string]bool) {
	switch content := content.(type) {
	case map[string]any:
		for key, value := range content {
			field := strings.TrimPrefix(path+"."+key, ".")
			found[field] = true
			paths(field, value, found)
		}
	case []any:
		for _, value := range content {
			paths(path+"[]", value, found)
		}
	}
}
