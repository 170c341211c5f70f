package storagetest

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// emptyingVariable names how many objects the figure of `make bench-storage` is about; without it nothing is measured.
const emptyingVariable = "EMPTYING_OBJECTS"

// emptying removes a medium full of objects and prints how long that took: a figure, no test. Filling is not part of it.
func emptying(t *testing.T, h Harness) {
	skipUnless(t, h.Fill, "content to remove")
	objects, err := strconv.Atoi(os.Getenv(emptyingVariable))
	if err != nil {
		t.Fatalf("%s: %v", emptyingVariable, err)
	}
	in, _ := h.made(t, "")
	h.Fill(t, h.name(t, in), objects)
	begin := time.Now()
	steps := h.removeAll(t, in)
	took := time.Since(begin).Round(10 * time.Millisecond)
	h.mustExist(t, in, false)
	t.Logf("emptied %d objects in %s, %d steps", objects, took, steps)
}
