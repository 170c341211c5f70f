package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// withEvents are the kinds whose writes pkg/apply makes visible, under reasons that it puts together.
var withEvents = []string{"Deployment", "DaemonSet", "CronJob", "NetworkPolicy", "Route"}

// raises are the methods of a recorder.
var raises = []string{"Event", "Eventf", "Warning", "Warningf"}

// TestEveryEventIsExpectedByATest: an event that no test waits for is one that nobody would miss. The code could lose it, or
// raise it at the wrong moment.
func TestEveryEventIsExpectedByATest(t *testing.T) {
	reasons := map[string]string{}
	for _, kind := range withEvents {
		reasons[kind+"Created"], reasons[kind+"Updated"] = "pkg/apply", "pkg/apply"
	}
	constants := map[string]string{}
	expected := map[string]bool{}
	for _, file := range ourFiles(t) {
		switch {
		case path.Base(file) == "events.txt" && strings.HasPrefix(file, "test/golden/"):
			words(string(read(t, file)), expected)
		case path.Ext(file) != ".go":
		case strings.HasSuffix(file, "_test.go"):
			if file != "test/imports/events_test.go" {
				mentioned(t, file, expected)
			}
		case strings.HasPrefix(file, "pkg/"):
			raised(t, file, reasons)
			if strings.HasPrefix(file, "pkg/names/") {
				values(t, file, constants)
			}
		}
	}
	if len(reasons) < 50 {
		t.Fatalf("found only %d reasons of events in the code: %v", len(reasons), slices.Sorted(maps.Keys(reasons)))
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if !expected[reason] && !expected[constants[reason]] {
			t.Errorf("%s: no test expects event %s", reasons[reason], reason)
		}
	}
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, read(t, file), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

var word = regexp.MustCompile(`[A-Za-z]+`)

func words(text string, into map[string]bool) {
	for _, w := range word.FindAllString(text, -1) {
		into[w] = true
	}
}

// mentioned collects what a test may expect: the names of constants, and the words of its texts.
func mentioned(t *testing.T, file string, into map[string]bool) {
	t.Helper()
	ast.Inspect(parse(t, file), func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			into[node.Sel.Name] = true
		case *ast.BasicLit:
			if node.Kind == token.STRING {
				words(node.Value, into)
			}
		}
		return true
	})
}

// values collects the constants for reasons, by name.
func values(t *testing.T, file string, into map[string]string) {
	t.Helper()
	ast.Inspect(parse(t, file), func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != len(spec.Names) {
			return true
		}
		for i, name := range spec.Names {
			if literal, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(name.Name, "Event") {
				into[name.Name], _ = strconv.Unquote(literal.Value)
			}
		}
		return true
	})
}

// raised collects the reasons of the events that a file raises: a text, or the name of a constant. One that is kept in a
// variable comes from elsewhere.
func raised(t *testing.T, file string, into map[string]string) {
	t.Helper()
	ast.Inspect(parse(t, file), func(node ast.Node) bool {
		var reason ast.Expr
		switch node := node.(type) {
		case *ast.CallExpr:
			if method, ok := node.Fun.(*ast.SelectorExpr); ok && slices.Contains(raises, method.Sel.Name) && len(node.Args) > 1 {
				reason = node.Args[0]
			}
		case *ast.KeyValueExpr:
			// A note of a backend, which the storage controller raises.
			if key, ok := node.Key.(*ast.Ident); ok && key.Name == "Reason" {
				reason = node.Value
			}
		}
		switch reason := reason.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(reason.Value); err == nil && word.FindString(text) == text && text != "" {
				into[text] = file
			}
		case *ast.SelectorExpr:
			if strings.HasPrefix(reason.Sel.Name, "Event") {
				into[reason.Sel.Name] = file
			}
		}
		return true
	})
}
