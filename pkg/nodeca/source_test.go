package nodeca

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A read that is overtaken by a change must not be believed: the kubelet is removing the folder that is being listed.
func TestASourceThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	for name, remove := range map[string]func(folder string) error{
		"a file of the folder is gone":   func(folder string) error { return os.Remove(filepath.Join(folder, "b")) },
		"the folder is gone":             os.RemoveAll,
		"the folder is there for longer": func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, nil, nil)
			n.project("1", files{"a": "A1", "b": "B"})
			reads := 0
			found, err := readStable(n.Source, func(data string) (source, error) {
				if reads++; reads == 1 {
					n.project("2", files{"a": "A2", "b": "B", "c": "C"})
					n.must(remove(data))
				}
				return readVersion(data)
			})
			n.must(err)
			if len(found.wanted) != 3 || string(found.wanted["a"].content) != "A2" || len(found.problems) > 0 || reads != 2 {
				t.Errorf("read %d times: %v, problems %v", reads, found.wanted, found.problems)
			}
		})
	}
}

func TestASourceThatChangesWithoutEndIsAnError(t *testing.T) {
	n := newNode(t, nil, nil)
	n.project("0", files{"a": "A"})
	reads := 0
	found, err := readStable(n.Source, func(data string) (source, error) {
		reads++
		n.project(fmt.Sprint(reads), files{"a": "A"})
		return readVersion(data)
	})
	if err == nil || !strings.Contains(err.Error(), n.Source) || reads != attempts || len(found.wanted) > 0 {
		t.Errorf("read %d times, found %v, error %v", reads, found.wanted, err)
	}
}

// A link to a folder that is gone is no folder without links.
func TestALinkThatLeadsNowhereIsAnError(t *testing.T) {
	n := newNode(t, files{"a": "A"}, files{"b/ca.crt": "B", "b/.node-ca": ""})
	n.must(os.Symlink("..gone", filepath.Join(n.Source, "..data")))
	if result, err := n.Pass(); err == nil || result.Changed() {
		t.Errorf("did %+v, error %v", result, err)
	}
	n.expect(files{"b/": "", "b/ca.crt": "B"})
}
