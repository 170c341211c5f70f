package imagestreams

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStream(t *testing.T) {
	for name, test := range map[string]struct {
		json             string
		imported, pushed int32
	}{
		"a tag of the spec is imported, one that is only in the status was pushed": {
			json:     `{"metadata":{"namespace":"n","name":"s"},"spec":{"tags":[{"name":"latest"},{"name":"v1"}]},"status":{"tags":[{"tag":"latest"},{"tag":"mine"},{"tag":"other"}]}}`,
			imported: 1, pushed: 2,
		},
		"a tag of the spec that has not been imported yet does not count": {
			json: `{"metadata":{"namespace":"n","name":"s"},"spec":{"tags":[{"name":"latest"}]},"status":{"dockerImageRepository":"r"}}`,
		},
		"lists may be null":          {json: `{"metadata":{"namespace":"n","name":"s"},"spec":{"tags":null},"status":{"tags":null}}`},
		"history of a tag is no tag": {json: `{"metadata":{"namespace":"n","name":"s"},"status":{"tags":[{"tag":"a","items":[{"image":"x"},{"image":"y"}]}]}}`, pushed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var s Stream
			if err := json.Unmarshal([]byte(test.json), &s); err != nil {
				t.Fatal(err)
			}
			if s.imported != test.imported || s.pushed != test.pushed || s.namespace != "n" || s.name != "s" {
				t.Errorf("got %+v, want %d imported and %d pushed of n/s", s, test.imported, test.pushed)
			}
		})
	}
}

func TestPlatformIsAPrefix(t *testing.T) {
	for namespace, want := range map[string]bool{"openshift": true, "openshift-cli": true, "openshiftfoo": true, "my-openshift": false, "default": false} {
		if got := (&Stream{namespace: namespace}).platform(); got != want {
			t.Errorf("%s: %t", namespace, got)
		}
	}
}

func TestTheEndOfAListIsMarked(t *testing.T) {
	var s Stream
	if err := json.Unmarshal([]byte(`{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}`), &s); err != nil {
		t.Fatal(err)
	}
	object, err := meta.Accessor(&s)
	if err != nil {
		t.Fatal(err)
	}
	if object.GetResourceVersion() != "7" || object.GetAnnotations()[metav1.InitialEventsAnnotationKey] != "true" {
		t.Errorf("the client library would not see the end of the list in %+v", object)
	}
}

func TestDecodeList(t *testing.T) {
	for name, test := range map[string]struct {
		body    string
		items   int
		version string
		wrong   string
	}{
		"unknown fields are skipped, in any order": {
			body:  `{"kind":"ImageStreamList","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}],"more":{"deep":[1,2]},"metadata":{"resourceVersion":"12"}}`,
			items: 2, version: "12",
		},
		"no items":                                   {body: `{"metadata":{"resourceVersion":"3"},"items":null}`, version: "3"},
		"an empty list":                              {body: `{"metadata":{"resourceVersion":"3"},"items":[]}`, version: "3"},
		"a list that was cut off is an error":        {body: `{"metadata":{"resourceVersion":"3"},"items":[{"metadata":{"name":"a"}}]`, wrong: "EOF"},
		"a list cut off within an item is an error":  {body: `{"items":[{"metadata":{"name":"a"`, wrong: "EOF"},
		"something else than a list is an error":     {body: `[]`, wrong: "not a list"},
		"items that are no list are an error":        {body: `{"items":{}}`, wrong: "not a list"},
		"an item that is no object is an error":      {body: `{"items":["a"]}`, wrong: "decoding an image stream"},
		"an answer that is not JSON at all is error": {body: `<html>`, wrong: "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeList(strings.NewReader(test.body))
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Fatalf("got error %v, want one with %q", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Items) != test.items || got.ResourceVersion != test.version {
				t.Errorf("got %d items at %q, want %d at %q", len(got.Items), got.ResourceVersion, test.items, test.version)
			}
		})
	}
}

// long gives out the items of a list and notes the largest heap on the way.
type long struct {
	item        []byte
	parts       int
	rest        bytes.Buffer
	first, most uint64
}

func (l *long) Read(p []byte) (int, error) {
	if l.rest.Len() > 0 {
		return l.rest.Read(p)
	}
	if l.parts == 0 {
		return 0, io.EOF
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if l.first == 0 {
		l.first = memory.HeapAlloc
	} else {
		l.rest.WriteByte(',')
	}
	l.most = max(l.most, memory.HeapAlloc)
	l.rest.Write(l.item)
	l.parts--
	return l.rest.Read(p)
}

// The decoder must not gather what it reads. Garbage on the way is ordinary, so this looks for half of the list.
func TestDecodeListDoesNotHoldTheList(t *testing.T) {
	const parts, size = 400, 1 << 17
	item := []byte(`{"metadata":{"name":"a"},"status":{"tags":[{"tag":"t","items":[{"dockerImageReference":"` + strings.Repeat("x", size) + `"}]}]}}`)
	source := &long{item: item, parts: parts}
	got, err := decodeList(io.MultiReader(strings.NewReader(`{"items":[`), source, strings.NewReader(`],"metadata":{"resourceVersion":"1"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != parts || got.Items[parts-1].pushed != 1 {
		t.Fatalf("%d items", len(got.Items))
	}
	if source.most-source.first > parts*size/2 {
		t.Errorf("the heap grew from %d to %d MB while reading %d MB", source.first>>20, source.most>>20, parts*size>>20)
	}
}
