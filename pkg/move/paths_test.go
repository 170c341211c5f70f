package move

import (
	"strings"
	"testing"
)

func TestStages(t *testing.T) {
	for _, tc := range []struct {
		path   string
		want   stage
		wanted bool
	}{
		{blobs + "sha256/ab/abcd/data", blobStage, true},
		{repositories + "a/b/_layers/sha256/abcd/link", layerStage, true},
		{repositories + "a/b/_manifests/revisions/sha256/abcd/link", revisionStage, true},
		{repositories + "a/b/_manifests/tags/v1/index/sha256/abcd/link", tagStage, true},
		{repositories + "a/b/_manifests/tags/v1/current/link", tagStage, true},
		{repositories + "a/b/_uploads/1234/data", 0, false},
		{repositories + "a/b/_uploads/1234/hashstates/sha256/0", 0, false},
		{root + "other", 0, false},
		{"elsewhere", 0, false},
	} {
		if got, wanted := stageOf(tc.path); got != tc.want || wanted != tc.wanted {
			t.Errorf("%s: stage %d, %v", tc.path, got, wanted)
		}
	}
}

func TestDigests(t *testing.T) {
	for _, tc := range []struct{ path, algorithm, digest string }{
		{blobs + "sha256/ab/abcd/data", "sha256", "abcd"},
		{blobs + "sha512/ab/abcd/data", "sha512", "abcd"},
		{blobs + "sha256/ac/abcd/data", "", ""},
		{blobs + "sha256/ab/abcd/other", "", ""},
		{repositories + "sha256/ab/abcd/data", "", ""},
	} {
		algorithm, digest, found := digestOf(tc.path)
		if algorithm != tc.algorithm || digest != tc.digest || found != (tc.digest != "") {
			t.Errorf("%s: %q %q %v", tc.path, algorithm, digest, found)
		}
	}
	if _, _, err := hashFor(blobs + "md5/ab/abcd/data"); err == nil || !strings.Contains(err.Error(), "md5") {
		t.Errorf("a digest that cannot be verified: %v", err)
	}
}

func TestReports(t *testing.T) {
	p := Progress{Files: 8000, Bytes: 1234567890, Done: 1234}
	if p.Count() != "1,234 of 8,000 files" || p.Amount() != "8,000 files, 1.2 GB" || p.Complaint() != "" {
		t.Errorf("%q %q %q", p.Count(), p.Amount(), p.Complaint())
	}
	if (Progress{}).Count() != "" || (Progress{Files: 1, Bytes: 12}).Amount() != "1 files, 12 bytes" {
		t.Error("small numbers")
	}
	if got := ParseProgress(p.Encode()); got.Files != p.Files || got.Done != p.Done {
		t.Errorf("read back %+v", got)
	}
	if got := ParseProgress("by hand"); got.Files != 0 {
		t.Errorf("nonsense is %+v", got)
	}
}
