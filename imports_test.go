// Package voxparse_test holds the rules that concern the whole tree.
package voxparse_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/voxparse/voxparse"

// pkg is what the rules need of one entry of `go list -json`.
type pkg struct {
	ImportPath  string
	Imports     []string
	TestImports []string
	CgoFiles    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,CgoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// siblings lists, for each package, which of our packages it may import.
// A package that is not listed here is an error: a new one has to earn its
// place in this table.
var siblings = map[string][]string{
	"":                    nil,
	"api":                 nil,
	"watch":               {"api"},
	"webhook":             {"api"},
	"webhook/webhooktest": nil,
	"store":               {"api"},
	"store/storetest":     {"api", "store"},
	"engine":              {"api"},
	"models":              {"api"},
	"models/modelstest":   {"models"},
	"transcript":          {"api", "spoken"},
	"vault":               {"api"},
	"config":              {"api"},
	"client":              {"api"},
	"spoken":              nil,
	"service":             {"api"},
	"redact":              {"api", "spoken"},
	"polish":              {"api", "spoken"},
	"analysis":            {"api", "redact", "spoken"},
	"search":              {"api"},
	"daemon":              {"api", "analysis", "config", "engine", "models", "polish", "redact", "search", "store", "transcript", "vault", "watch", "webhook"},
	"cmd/voxparse":        {"api", "client", "config", "daemon", "engine", "models", "service", "transcript", "vault", "webhook"},
	"cmd/voxparse-engine": {"api", "engine"},
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, listed := siblings[name]
		if !listed {
			t.Errorf("package %s is not in the import table", name)
			continue
		}
		for _, imp := range p.Imports {
			sib, ours := strings.CutPrefix(imp, module+"/")
			if ours && !slices.Contains(allowed, sib) {
				t.Errorf("%s imports %s; it may import %v", name, sib, allowed)
			}
		}
	}
}

// owners lists the packages that alone may import a third-party library,
// tests aside: the rest of the program meets it only through their words.
var owners = map[string][]string{
	"go.etcd.io/bbolt":                     {"store"},
	"github.com/fsnotify/fsnotify":         {"watch"},
	"github.com/spf13/cobra":               {"cmd/voxparse"},
	"github.com/charmbracelet/":            {"cmd/voxparse"},
	"github.com/pelletier/go-toml":         {"config"},
	"github.com/zalando/go-keyring":        {"vault"},
	"github.com/prometheus/":               {"daemon"},
	"github.com/blevesearch/":              {"search"},
	"github.com/jonreiter/govader":         {"analysis"},
	"code.dny.dev/ssrf":                    {"webhook"},
	"github.com/k2-fsa/":                   {"cmd/voxparse-engine"},
	"codeberg.org/gruf/go-ffmpreg":         {"cmd/voxparse-engine"},
	"github.com/tetratelabs/wazero":        {"cmd/voxparse-engine"},
	"github.com/bmatcuk/doublestar":        {"watch", "config", "cmd/voxparse"},
	"github.com/standard-webhooks/":        nil,
	"pgregory.net/rapid":                   {"store/storetest"},
	"github.com/rogpeppe/go-internal":      nil,
	"gopkg.in/natefinch/lumberjack":        {"cmd/voxparse"},
	"github.com/coreos/go-systemd":         {"daemon", "cmd/voxparse"},
	"github.com/go-json-experiment/json/x": nil,
}

func TestThirdPartyLibrariesStayBehindTheirPackage(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, imp := range p.Imports {
			for lib, allowed := range owners {
				if strings.HasPrefix(imp, lib) && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s; only %v may", name, imp, allowed)
				}
			}
		}
	}
}

func TestAPIIsStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"/api" {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(imp, ".") {
				t.Errorf("api imports %s; it may import the standard library only", imp)
			}
		}
	}
}

func TestOnlyTheEngineUsesCgo(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./cmd/voxparse")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list ./cmd/voxparse without cgo: %v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "" {
		t.Errorf("got cgo packages below cmd/voxparse: %s, want none", got)
	}
	for _, p := range packages(t) {
		if len(p.CgoFiles) > 0 && p.ImportPath != module+"/cmd/voxparse-engine" {
			t.Errorf("%s has cgo files; only cmd/voxparse-engine may", p.ImportPath)
		}
	}
}
