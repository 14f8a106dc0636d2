package modelstest_test

import (
	"os"
	"testing"

	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// The one real pull of the suite: through whichever source this machine has.
func TestDefaultModelCanBeHad(t *testing.T) {
	files := modelstest.Files(t)
	e, err := models.Lookup("")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range e.Files {
		fi, err := os.Stat(files[f.Role])
		if err != nil {
			t.Errorf("role %s: %v", f.Role, err)
			continue
		}
		if fi.Size() != f.Size {
			t.Errorf("role %s: got %d bytes, want %d", f.Role, fi.Size(), f.Size)
		}
	}
	if err := models.Open(modelstest.Dir(t), models.Options{}).Verify(t.Context(), models.Default); err != nil {
		t.Errorf("verify: got %v, want nil", err)
	}
}
