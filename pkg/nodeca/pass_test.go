package nodeca

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// files are contents by path; a path that ends in a slash is a folder.
type files = map[string]string

// node is a source and a destination on a real file system.
type node struct {
	Folders
	t *testing.T
}

// newNode makes both folders, with contents.
func newNode(t *testing.T, from, to files) node {
	t.Helper()
	dir := t.TempDir()
	n := node{Folders{Source: filepath.Join(dir, "source"), Destination: filepath.Join(dir, "certs.d")}, t}
	for _, folder := range []string{n.Source, n.Destination} {
		n.must(os.Mkdir(folder, 0o755))
	}
	n.fill(n.Source, from)
	n.fill(n.Destination, to)
	return n
}

func (n node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n node) fill(folder string, content files) {
	n.t.Helper()
	for name, text := range content {
		path := filepath.Join(folder, name)
		if strings.HasSuffix(name, "/") {
			n.must(os.MkdirAll(path, 0o755))
			continue
		}
		n.must(os.MkdirAll(filepath.Dir(path), 0o755))
		n.must(os.WriteFile(path, []byte(text), 0o644))
	}
}

// there is what the destination holds, without markers.
func (n node) there() files {
	n.t.Helper()
	found := files{}
	n.must(filepath.WalkDir(n.Destination, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(n.Destination, path)
		if err != nil || name == "." || entry.Name() == marker {
			return err
		}
		if entry.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	}))
	return found
}

func (n node) pass() Result {
	n.t.Helper()
	result, err := n.Pass()
	n.must(err)
	return result
}

func (n node) expect(want files) {
	n.t.Helper()
	if diff := cmp.Diff(want, n.there()); diff != "" {
		n.t.Errorf("the node has (-want +got):\n%s", diff)
	}
}

func TestPass(t *testing.T) {
	for _, tc := range []struct {
		name     string
		from, to files
		want     files
		result   Result
	}{
		{name: "nothing to do"},
		{
			name:   "each key becomes a folder of the host's name",
			from:   files{"a.example": "A", "b.example..5000": "B", "fd00....1..5000": "C"},
			want:   files{"a.example/": "", "a.example/ca.crt": "A", "b.example:5000/": "", "b.example:5000/ca.crt": "B", "[fd00::1]:5000/": "", "[fd00::1]:5000/ca.crt": "C"},
			result: Result{Written: []string{"[fd00::1]:5000", "a.example", "b.example:5000"}},
		},
		{
			name: "keys that name no registry are left out", from: files{"storage-ca-bundle.pem": "S", "quay.example..443.crt": "Q", "a_b": "U", "a": "A"},
			want: files{"a/": "", "a/ca.crt": "A"}, result: Result{Written: []string{"a"}, Ignored: []string{"a_b", "quay.example..443.crt", "storage-ca-bundle.pem"}},
		},
		{
			name: "folders in the source are no keys", from: files{"sub/x": "X", "a": "A"},
			want: files{"a/": "", "a/ca.crt": "A"}, result: Result{Written: []string{"a"}},
		},
		{
			name: "an edit on the node is undone", from: files{"a": "A"}, to: files{"a/ca.crt": "edited", "a/.node-ca": ""},
			want: files{"a/": "", "a/ca.crt": "A"}, result: Result{Written: []string{"a"}},
		},
		{
			name: "the same content is not written again", from: files{"a": "A"}, to: files{"a/ca.crt": "A", "a/.node-ca": ""},
			want: files{"a/": "", "a/ca.crt": "A"}, result: Result{Unchanged: []string{"a"}},
		},
		{
			name: "what administrators made stays", to: files{"mine.example/ca.crt": "M", "mine.example/client.cert": "C", "empty/": "", "notes": "N"},
			want: files{"mine.example/": "", "mine.example/ca.crt": "M", "mine.example/client.cert": "C", "empty/": "", "notes": "N"},
		},
		{
			name: "what we made goes with its key", to: files{"a/ca.crt": "A", "a/.node-ca": "", "b/.node-ca": ""},
			result: Result{Removed: []string{"a", "b"}},
		},
		{
			name: "a client certificate beside ours stays when ours goes", to: files{"a/ca.crt": "A", "a/.node-ca": "", "a/client.key": "K"},
			want: files{"a/": "", "a/client.key": "K"}, result: Result{Removed: []string{"a"}},
		},
		{
			name: "leftovers of an interrupted write go, those of earlier releases too",
			from: files{"a": "A"}, to: files{"a/ca.crt": "A", "a/.node-ca": "", "a/.ca.crt.XYZ.tmp": "x", "a/ca.crt.tmp": "y", "b/.node-ca": "", "b/.ca.crt.XYZ.tmp": "x"},
			want: files{"a/": "", "a/ca.crt": "A"}, result: Result{Unchanged: []string{"a"}, Removed: []string{"b"}},
		},
		{
			name: "folders of earlier releases for keys that name no registry go",
			from: files{"storage-ca-bundle.pem": "S", "fd00....1..5000": "C"}, to: files{"storage-ca-bundle.pem/ca.crt": "S", "fd00....1:5000/ca.crt": "C"},
			want:   files{"[fd00::1]:5000/": "", "[fd00::1]:5000/ca.crt": "C"},
			result: Result{Written: []string{"[fd00::1]:5000"}, Removed: []string{"fd00....1:5000", "storage-ca-bundle.pem"}, Ignored: []string{"storage-ca-bundle.pem"}},
		},
		{
			name: "a folder of that name with other content is somebody's",
			from: files{"storage-ca-bundle.pem": "S", "a_b": "U"}, to: files{"storage-ca-bundle.pem/ca.crt": "mine", "a_b/ca.crt": "U", "a_b/client.cert": "mine"},
			want:   files{"storage-ca-bundle.pem/": "", "storage-ca-bundle.pem/ca.crt": "mine", "a_b/": "", "a_b/ca.crt": "U", "a_b/client.cert": "mine"},
			result: Result{Ignored: []string{"a_b", "storage-ca-bundle.pem"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, tc.from, tc.to)
			if diff := cmp.Diff(tc.result, n.pass(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			want := files{}
			maps.Copy(want, tc.want)
			n.expect(want)
			if again := n.pass(); again.Changed() {
				t.Errorf("the second pass wrote %v and removed %v", again.Written, again.Removed)
			}
		})
	}
}

func TestAFolderMadeByAnEarlierReleaseIsTakenOver(t *testing.T) {
	n := newNode(t, files{"a": "A"}, files{"a/ca.crt": "A"})
	n.pass()
	n.must(os.Remove(filepath.Join(n.Source, "a")))
	n.pass()
	n.expect(files{})
}

func TestAnUnchangedFileIsTheSameFile(t *testing.T) {
	n := newNode(t, files{"a": "A"}, nil)
	n.pass()
	before, err := os.Stat(filepath.Join(n.Destination, "a", "ca.crt"))
	n.must(err)
	n.pass()
	after, err := os.Stat(filepath.Join(n.Destination, "a", "ca.crt"))
	n.must(err)
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the file was written again")
	}
}

// A reader that has opened the file keeps the old content whole: the new one is another file.
func TestAReaderNeverSeesAPart(t *testing.T) {
	n := newNode(t, files{"a": "new"}, files{"a/ca.crt": "old"})
	reader, err := os.Open(filepath.Join(n.Destination, "a", "ca.crt"))
	n.must(err)
	defer reader.Close()
	n.pass()
	content := make([]byte, 10)
	read, err := reader.Read(content)
	if got := string(content[:read]); got != "old" || err != nil {
		t.Errorf("the open file has %q, %v", got, err)
	}
	n.expect(files{"a/": "", "a/ca.crt": "new"})
}

func TestPermissionsFollowTheSource(t *testing.T) {
	n := newNode(t, files{"a": "A"}, nil)
	check := func(want fs.FileMode) {
		t.Helper()
		n.must(os.Chmod(filepath.Join(n.Source, "a"), want))
		n.pass()
		info, err := os.Stat(filepath.Join(n.Destination, "a", "ca.crt"))
		n.must(err)
		if info.Mode().Perm() != want {
			t.Errorf("mode is %v, want %v", info.Mode().Perm(), want)
		}
	}
	check(0o640)
	// No umask takes this away, and a change of the mode alone counts.
	check(0o666)
	n.must(os.Chmod(filepath.Join(n.Destination, "a", "ca.crt"), 0o600))
	check(0o666)
	info, err := os.Stat(filepath.Join(n.Destination, "a"))
	n.must(err)
	if info.Mode().Perm() != 0o755 {
		t.Errorf("the folder's mode is %v", info.Mode().Perm())
	}
}

// project turns the source into what the kubelet makes of a ConfigMap, or updates it.
func (n node) project(version string, content files) {
	n.t.Helper()
	folder := filepath.Join(n.Source, ".."+version)
	n.must(os.Mkdir(folder, 0o755))
	n.fill(folder, content)
	link := filepath.Join(n.Source, "..data_tmp")
	n.must(os.Symlink(".."+version, link))
	n.must(os.Rename(link, filepath.Join(n.Source, "..data")))
	for key := range content {
		if err := os.Symlink(filepath.Join("..data", key), filepath.Join(n.Source, key)); err != nil && !os.IsExist(err) {
			n.t.Fatal(err)
		}
	}
}

func TestAMountedConfigMapIsReadAsOfOneMoment(t *testing.T) {
	n := newNode(t, nil, nil)
	n.project("1", files{"a": "A1", "b": "B"})
	n.pass()
	n.expect(files{"a/": "", "a/ca.crt": "A1", "b/": "", "b/ca.crt": "B"})
	// The link of b is still there, as it is for a moment when the kubelet takes a key away.
	n.project("2", files{"a": "A2"})
	n.pass()
	n.expect(files{"a/": "", "a/ca.crt": "A2"})
}

func TestLinksToFilesAreKeys(t *testing.T) {
	n := newNode(t, nil, nil)
	elsewhere := filepath.Join(t.TempDir(), "x")
	n.must(os.WriteFile(elsewhere, []byte("A"), 0o644))
	n.must(os.Symlink(elsewhere, filepath.Join(n.Source, "a")))
	n.must(os.Symlink(t.TempDir(), filepath.Join(n.Source, "folder")))
	n.pass()
	n.expect(files{"a/": "", "a/ca.crt": "A"})
}

func TestTheDestinationIsMade(t *testing.T) {
	n := newNode(t, files{"a": "A"}, nil)
	n.Destination = filepath.Join(n.Destination, "deep", "certs.d")
	n.pass()
	n.expect(files{"a/": "", "a/ca.crt": "A"})
}

func TestFaults(t *testing.T) {
	ours := files{"old/ca.crt": "O", "old/.node-ca": ""}
	untouched := files{"old/": "", "old/ca.crt": "O"}
	for _, tc := range []struct {
		name  string
		from  files
		to    files
		fault func(node)
		want  files
		text  string
	}{
		{
			name: "nothing is removed while the source is away", to: ours, want: untouched,
			fault: func(n node) { n.must(os.Remove(n.Source)) }, text: "source",
		},
		{
			name: "nor while its content is", to: ours, want: untouched, text: "source",
			fault: func(n node) {
				n.must(os.Symlink("loop", filepath.Join(n.Source, "loop")))
				n.must(os.Symlink("loop", filepath.Join(n.Source, "..data")))
			},
		},
		{
			name: "a key that cannot be read keeps what was there, and the others are brought",
			from: files{"a": "A"}, to: files{"b/ca.crt": "B", "b/.node-ca": ""}, want: files{"a/": "", "a/ca.crt": "A", "b/": "", "b/ca.crt": "B"},
			fault: func(n node) { n.must(os.Symlink("nowhere", filepath.Join(n.Source, "b"))) }, text: "reading key b",
		},
		{
			name: "a file where a host's folder should be costs that host only",
			from: files{"a": "A", "b": "B"}, to: files{"a": "file"}, want: files{"a": "file", "b/": "", "b/ca.crt": "B"}, text: "host a",
		},
		{
			name: "a folder where the certificate should be is reported, and nothing is left behind",
			from: files{"a": "A", "b": "B"}, to: files{"a/ca.crt/x": "X"}, want: files{"a/": "", "a/ca.crt/": "", "a/ca.crt/x": "X", "b/": "", "b/ca.crt": "B"}, text: "host a",
		},
		{
			name: "two keys for one host", from: files{"a..5000": "first", "a:5000": "second"},
			want: files{"a:5000/": "", "a:5000/ca.crt": "first"}, text: "key a:5000 is not used: key a..5000 is for a:5000, too",
		},
		{
			name: "a file where the destination should be", from: files{"a": "A"}, text: "certs.d",
			fault: func(n node) { n.must(os.Remove(n.Destination)); n.must(os.WriteFile(n.Destination, nil, 0o644)) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, tc.from, tc.to)
			if tc.fault != nil {
				tc.fault(n)
			}
			_, err := n.Pass()
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", err, tc.text)
			}
			if tc.want != nil {
				n.expect(tc.want)
			}
		})
	}
}

// A link that leads out of the folder is not followed.
func TestLinksOnTheNodeLeadNowhere(t *testing.T) {
	n := newNode(t, files{"a": "A", "b": "B"}, files{"b/x": "X"})
	outside := t.TempDir()
	secret := filepath.Join(outside, "shadow")
	n.must(os.WriteFile(secret, []byte("secret"), 0o600))
	n.must(os.Symlink(outside, filepath.Join(n.Destination, "a")))
	n.must(os.Symlink(secret, filepath.Join(n.Destination, "b", "ca.crt")))
	if _, err := n.Pass(); err == nil || !strings.Contains(err.Error(), "host a") {
		t.Errorf("error %v, want one for host a", err)
	}
	entries, err := os.ReadDir(outside)
	n.must(err)
	content, err := os.ReadFile(secret)
	n.must(err)
	if len(entries) != 1 || string(content) != "secret" {
		t.Errorf("outside there are now %v with %q", entries, content)
	}
	// The link itself is what we replace.
	info, err := os.Lstat(filepath.Join(n.Destination, "b", "ca.crt"))
	n.must(err)
	if !info.Mode().IsRegular() {
		t.Errorf("b/ca.crt is %v", info.Mode())
	}
}

func TestMarkersAreForTheContainerRuntimeToIgnore(t *testing.T) {
	n := newNode(t, files{"a": "A"}, nil)
	n.pass()
	entries, err := os.ReadDir(filepath.Join(n.Destination, "a"))
	n.must(err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	// It reads *.crt, *.cert and *.key.
	if !slices.Equal(names, []string{".node-ca", "ca.crt"}) {
		t.Errorf("the folder has %v", names)
	}
}
