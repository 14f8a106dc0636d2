package vault

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestResolve_references(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	t.Setenv("VP_TEST_KEY", "from-env")
	t.Setenv("VP_TEST_EMPTY", "")
	for _, c := range []struct{ ref, want, problem string }{
		{"env:VP_TEST_KEY", "from-env", ""},
		{"env:VP_TEST_EMPTY", "", "VP_TEST_EMPTY is not set"},
		{write("good", "from-file\n", 0o600), "from-file", ""},
		{write("open", "hidden-secret", 0o644), "", "chmod 600"},
		{write("lines", "hidden-secret\nmore", 0o600), "", "more than one line"},
		{write("blank", " \n", 0o600), "", "empty"},
		{"file:" + filepath.Join(dir, "none"), "", "cannot be read"},
		{"hidden-secret", "", "env:NAME"},
	} {
		got, err := Resolve(c.ref)
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.ref, got, c.want)
		}
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: got error %v, want one that says %q", c.ref, err, c.problem)
		}
		if err != nil && strings.Contains(err.Error(), "hidden-secret") {
			t.Errorf("%s: the error holds the secret: %v", c.ref, err)
		}
	}
}

// stuckRing never answers.
type stuckRing struct{ ring }

func (stuckRing) get(string) (string, error) { select {} }

func TestResolve_keyringThatHangs(t *testing.T) {
	_, err := ringSecret(stuckRing{}, "cloud", 10*time.Millisecond)
	if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "unlock") {
		t.Errorf("got %v, want api.Unavailable with the fix", err)
	}
}
