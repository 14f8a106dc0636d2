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
	"":                           nil,
	"api":                        nil,
	"internal/filetype":          nil,
	"internal/httpx":             nil,
	"internal/retry":             nil,
	"internal/duration":          nil,
	"internal/fsx":               {"api", "internal/retry"},
	"internal/peer":              nil,
	"internal/datalock":          {"internal/fsx", "internal/retry"},
	"internal/peer/peertest":     nil,
	"internal/watch":             {"api", "internal/duration", "internal/fsx", "internal/retry"},
	"webhook":                    {"api", "internal/eventbody"},
	"internal/webhooktest":       {"api"},
	"internal/openapi":           nil,
	"internal/mcptools":          {"api", "client", "internal/duration"},
	"internal/eventbody":         {"api", "internal/clip"},
	"internal/sender":            {"api", "internal/clip", "internal/httpx", "webhook"},
	"internal/clip":              nil,
	"daemon/dropfolder":          {"api", "daemon/jobs", "daemon/problem", "internal/config", "internal/engine", "internal/eventbody", "internal/fsx", "internal/transcript", "internal/watch", "store", "internal/retry"},
	"daemon/jobs":                {"api", "daemon/feed", "daemon/heartbeat", "daemon/problem", "internal/analysis", "internal/config", "internal/duration", "internal/engine", "internal/eventbody", "internal/fsx", "internal/models", "internal/polish", "internal/redact", "internal/retry", "internal/vault", "internal/watch", "store"},
	"daemon/dispatch":            {"api", "daemon/heartbeat", "internal/httpx", "internal/retry", "internal/sender", "store", "webhook"},
	"store":                      {"api"},
	"internal/boltfile":          nil,
	"store/boltstore":            {"api", "store", "internal/boltfile", "internal/fsx"},
	"store/spool":                {"api", "store", "internal/fsx"},
	"store/storetest":            {"api", "store"},
	"internal/engine":            {"api", "internal/httpx", "internal/retry"},
	"internal/models":            {"api", "internal/fsx", "internal/retry"},
	"internal/models/modelstest": {"internal/models"},
	"internal/transcript":        {"api", "internal/spoken"},
	"internal/align":             nil,
	"internal/wer":               nil,
	"internal/benchtest":         nil,
	"internal/backup":            {"api", "internal/fsx"},
	"internal/onnx":              nil,
	"internal/moonshine":         {"internal/fsx", "internal/onnx"},
	"internal/vault":             {"api", "internal/fsx"},
	"internal/config":            {"api", "internal/duration"},
	"client":                     {"api", "internal/fsx", "internal/httpx", "internal/peer", "internal/retry"},
	"internal/spoken":            nil,
	"internal/service":           {"api", "internal/fsx"},
	"internal/redact":            {"api", "internal/spoken"},
	"internal/polish":            {"api", "internal/spoken"},
	"internal/analysis":          {"api", "internal/httpx", "internal/redact", "internal/retry", "internal/spoken"},
	"internal/search":            {"api"},
	"daemon/daemontest":          {"api", "client", "internal/config"},
	"daemon/doctor":              {"api", "daemon/listener", "daemon/problem", "internal/config", "internal/engine", "internal/fsx", "internal/models", "internal/watch", "store", "store/boltstore", "store/spool"},
	"daemon/feed":                {"api", "store"},
	"daemon/heartbeat":           nil,
	"daemon/httpapi":             {"api", "daemon/dispatch", "daemon/feed", "daemon/listener", "daemon/problem", "internal/duration", "internal/eventbody", "internal/filetype", "internal/openapi", "internal/search", "internal/sender", "internal/transcript", "internal/vault", "internal/watch", "store", "webhook"},
	"daemon/indexer":             {"api", "internal/search", "store"},
	"daemon/listener":            {"api", "internal/fsx", "internal/peer"},
	"daemon/problem":             {"api", "internal/fsx"},
	"daemon/metrics":             {"api"},
	"daemon/datadir":             {"api", "internal/backup", "internal/datalock", "internal/fsx", "internal/vault", "store", "store/boltstore", "store/spool"},
	"daemon/housekeeping":        {"api", "store"},
	"daemon/systemd":             nil,
	"daemon/clock":               nil,
	"daemon": {
		"daemon/clock",
		"api",
		"daemon/datadir",
		"daemon/dispatch",
		"daemon/doctor",
		"daemon/dropfolder",
		"daemon/feed",
		"daemon/housekeeping",
		"daemon/httpapi",
		"daemon/indexer",
		"daemon/jobs",
		"daemon/listener",
		"daemon/metrics",
		"daemon/problem",
		"daemon/systemd",
		"internal/config",
		"internal/datalock",
		"internal/engine",
		"internal/fsx",
		"internal/models",
		"internal/sender",
		"internal/vault",
		"store",
		"store/boltstore",
	},
	"cmd/voxparse":        {"api", "client", "internal/config", "daemon", "daemon/datadir", "daemon/doctor", "internal/datalock", "internal/duration", "internal/engine", "internal/fsx", "internal/httpx", "internal/mcptools", "internal/models", "internal/retry", "internal/service", "internal/transcript", "internal/vault", "webhook"},
	"cmd/voxparse-engine": {"api", "internal/align", "internal/engine", "internal/filetype", "internal/fsx", "internal/moonshine"},
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

// daemonParts are the levels of the daemon, from the bottom. A package imports
// others of lower levels alone: so the work on jobs does not know the drop
// folders, and nobody but the daemon knows its HTTP API.
var daemonParts = [][]string{
	{"daemon/clock", "daemon/datadir", "daemon/feed", "daemon/heartbeat", "daemon/housekeeping", "daemon/listener", "daemon/metrics", "daemon/problem", "daemon/systemd"},
	{"daemon/dispatch", "daemon/doctor", "daemon/indexer", "daemon/jobs"},
	{"daemon/dropfolder"}, // one of the sources of audio that jobs declares
	{"daemon/httpapi"},
	{"daemon"},
}

func TestDaemonPartsPointDown(t *testing.T) {
	level := map[string]int{}
	for i, parts := range daemonParts {
		for _, name := range parts {
			level[name] = i
		}
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		own, part := level[name]
		if !part {
			if strings.HasPrefix(name, "daemon/") && name != "daemon/daemontest" {
				t.Errorf("%s has no level among the daemon's parts", name)
			}
			continue
		}
		for _, imp := range p.Imports {
			other := strings.TrimPrefix(imp, module+"/")
			if at, ok := level[other]; ok && at >= own {
				t.Errorf("%s imports %s, which is not below it", name, other)
			}
		}
	}
}

// owners lists the packages that alone may import a third-party library,
// tests aside: the rest of the program meets it only through their words.
var owners = map[string][]string{
	"github.com/gabriel-vasile/mimetype":   {"internal/filetype"},
	"github.com/google/renameio":           {"internal/fsx"},
	"github.com/cenkalti/backoff":          {"internal/retry"},
	"go.etcd.io/bbolt":                     {"store/boltstore"},
	"github.com/fsnotify/fsnotify":         {"internal/watch"},
	"github.com/spf13/cobra":               {"cmd/voxparse"},
	"github.com/charmbracelet/":            {"cmd/voxparse"},
	"github.com/cli/go-gh":                 {"cmd/voxparse"},
	"github.com/pelletier/go-toml":         {"internal/config"},
	"github.com/zalando/go-keyring":        {"internal/vault"},
	"github.com/prometheus/":               {"daemon/metrics"},
	"github.com/blevesearch/":              {"internal/search"},
	"github.com/jonreiter/govader":         {"internal/analysis"},
	"code.dny.dev/ssrf":                    {"internal/sender"},
	"github.com/yalue/onnxruntime_go":      {"internal/moonshine"},
	"google.golang.org/protobuf":           {"internal/onnx"},
	"github.com/k2-fsa/":                   {"cmd/voxparse-engine"},
	"codeberg.org/gruf/go-ffmpreg":         {"cmd/voxparse-engine"},
	"github.com/tetratelabs/wazero":        {"cmd/voxparse-engine"},
	"github.com/bmatcuk/doublestar":        {"internal/watch", "internal/config", "cmd/voxparse"},
	"github.com/getkin/kin-openapi":        nil,
	"github.com/modelcontextprotocol/":     {"internal/mcptools"},
	"github.com/yuin/goldmark":             nil,
	"golang.org/x/text":                    {"daemon/httpapi"},
	"github.com/standard-webhooks/":        nil,
	"pgregory.net/rapid":                   {"store/storetest"},
	"github.com/rogpeppe/go-internal":      nil,
	"gopkg.in/natefinch/lumberjack":        {"cmd/voxparse"},
	"github.com/coreos/go-systemd":         {"daemon/systemd", "daemon/listener", "cmd/voxparse"},
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
