package voxparse_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page on security names the test of each promise: it has to exist.
func TestDocs_securityNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("docs/reference/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range treeFiles(t, ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 20 {
		t.Errorf("got %d tests named in docs/reference/security.md, want 20 or more", len(named))
	}
	for _, m := range named {
		if !strings.Contains(all.String(), "func "+m[1]+"(") {
			t.Errorf("docs/reference/security.md names %s, which is no test", m[1])
		}
	}
}
