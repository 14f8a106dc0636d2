package voxparse_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/config"
)

// readPage returns a page below docs, from the heading on where one is given,
// to the next heading of its level or a higher one.
func readPage(t *testing.T, page, heading string) string {
	t.Helper()
	data, err := os.ReadFile("docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	if heading == "" {
		return string(data)
	}
	_, section, found := strings.Cut(string(data), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	end := regexp.MustCompile(`(?m)^#{1,` + strconv.Itoa(level) + `} `).FindStringIndex(section)
	if end != nil {
		section = section[:end[0]]
	}
	return section
}

var quoted = regexp.MustCompile("`([^`\n]+)`")

// firstColumn returns what stands in backticks in the first column of the
// tables of a page.
func firstColumn(section string) []string {
	var out []string
	for line := range strings.Lines(section) {
		if row, ok := strings.CutPrefix(line, "| "); ok {
			cell, _, _ := strings.Cut(row, " | ")
			for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
				out = append(out, m[1])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// same reports what one of two sets has and the other has not.
func same(t *testing.T, page string, documented, inCode []string) {
	t.Helper()
	if len(inCode) == 0 {
		t.Errorf("%s: found nothing in the code to compare with", page)
	}
	for _, s := range inCode {
		if !slices.Contains(documented, s) {
			t.Errorf("docs/%s does not have %s", page, s)
		}
	}
	for _, s := range documented {
		if !slices.Contains(inCode, s) {
			t.Errorf("docs/%s has %s, which the code has not", page, s)
		}
	}
}

// literals returns the string literals of the Go files below dir, tests aside,
// that match pattern.
func literals(t *testing.T, dir, pattern string) []string {
	t.Helper()
	match := regexp.MustCompile(`^(?:` + pattern + `)$`)
	var out []string
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		if !strings.HasPrefix(file, dir+"/") || strings.HasSuffix(file, "_test.go") {
			return
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && match.MatchString(s) {
					out = append(out, s)
				}
			}
			return true
		})
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// constants returns the values of the string constants in dir whose name, or
// whose type, matches pattern.
func constants(t *testing.T, dir, pattern string) []string {
	t.Helper()
	match := regexp.MustCompile(`^(?:` + pattern + `)$`)
	var out []string
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		if path.Dir(file) != dir || strings.HasSuffix(file, "_test.go") {
			return
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			typed := ""
			if id, ok := spec.Type.(*ast.Ident); ok {
				typed = id.Name
			}
			for i, name := range spec.Names {
				if i >= len(spec.Values) || !(match.MatchString(name.Name) || match.MatchString(typed)) {
					continue
				}
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, _ := strconv.Unquote(lit.Value)
					out = append(out, s)
				}
			}
			return true
		})
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// jsonNames returns the names of the JSON fields of a struct.
func jsonNames(v any) []string {
	var out []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func TestDocs_routes(t *testing.T) {
	const route = `(GET|POST|PUT|PATCH|DELETE) /\S*`
	isRoute := regexp.MustCompile(`^` + route + `$`)
	documented := slices.DeleteFunc(firstColumn(readPage(t, "reference/api.md", "")), func(s string) bool { return !isRoute.MatchString(s) })
	same(t, "reference/api.md", documented, literals(t, "daemon", route))
}

// jobCodes matches the names of the constants that say why a job failed, which
// JobStatus is not, and of the prefix of a job's id.
const jobCodes = `Job([A-RT-Z].*|Source.*)`

func TestDocs_errorCodes(t *testing.T) {
	errors := readPage(t, "reference/api.md", "## Errors")
	codes := constants(t, "api", "Code")
	for _, c := range codes {
		row := fmt.Sprintf("| `%s` | %d |", c, api.Code(c).Status())
		if !strings.Contains(errors, row) && !strings.Contains(errors, "`"+c+"` (") {
			t.Errorf("docs/reference/api.md has no row that begins %q", row)
		}
	}
	jobs := slices.DeleteFunc(constants(t, "api", jobCodes), func(s string) bool { return strings.HasSuffix(s, "_") })
	same(t, "reference/api.md", firstColumn(readPage(t, "reference/api.md", "### Why a job failed")), jobs)
}

func TestDocs_settings(t *testing.T) {
	section := readPage(t, "reference/configuration.md", "## Settings")
	same(t, "reference/configuration.md", firstColumn(section), config.Keys())
	none := func(string) string { return "" }
	cfg, err := config.Load(nil, func(k string) string {
		if k == "HOME" {
			return t.TempDir()
		}
		return none(k)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cfg.Entries() {
		value := fmt.Sprint(e.Value)
		if strings.HasSuffix(e.Key, "_dir") || e.Key == "socket" {
			continue // depends on the machine
		}
		cell := "`" + value + "`"
		if value == "" || value == "[]" {
			cell = "none"
		}
		if row := fmt.Sprintf("| `%s` | %s |", e.Key, cell); !strings.Contains(section, row) {
			t.Errorf("docs/reference/configuration.md has no row that begins %q", row)
		}
	}
}

func TestDocs_dropFolderOptions(t *testing.T) {
	page := readPage(t, "reference/drop-folders.md", "## Options")
	for _, name := range jsonNames(api.FolderOptions{}) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/reference/drop-folders.md does not have the option %s", name)
		}
	}
}

func TestDocs_webhooks(t *testing.T) {
	const page = "reference/webhooks.md"
	all := readPage(t, page, "")
	for what, values := range map[string][]string{
		"event":                constants(t, "api", "Event(Completed|Failed|Test)"),
		"status of a delivery": constants(t, "api", "Delivery(State|Status)"),
		"kind of error":        constants(t, "api", "Attempt(DNS|Connect|TLS|Timeout|Blocked|Protocol|Redirect|Status|Local)|AttemptErrorKind"),
		"header":               constants(t, "webhook", "Header[A-Z].*"),
	} {
		if len(values) == 0 {
			t.Errorf("found no %s in the code", what)
		}
		for _, v := range values {
			if !strings.Contains(all, "`"+v+"`") {
				t.Errorf("docs/%s does not have the %s %s", page, what, v)
			}
		}
	}
}

func TestDocs_scheduleOfDeliveries(t *testing.T) {
	page, s := readPage(t, "reference/webhooks.md", "## When an attempt succeeds"), dispatch.DefaultSchedule
	for i, after := range []string{"the first failure", "the second", "the third", "the fourth"}[:len(s)+1] {
		next := "none: the delivery is `failed_permanent`"
		if i < len(s) {
			next = fmt.Sprintf("after about %d s", int(s[i].Seconds()))
			if s[i] >= time.Minute {
				next = fmt.Sprintf("after about %d minutes", int(s[i].Minutes()))
			}
		}
		if row := "| " + after + " | " + next + " |"; !strings.Contains(page, row) {
			t.Errorf("docs/reference/webhooks.md does not have the row %s", row)
		}
	}
}

func TestDocs_formats(t *testing.T) {
	for page, list := range map[string]string{
		"reference/glossary.md":     strings.Join(api.Formats[:len(api.Formats)-1], ", ") + " and " + api.Formats[len(api.Formats)-1],
		"reference/drop-folders.md": "`" + strings.Join(api.Formats, "`, `") + "`",
	} {
		if !strings.Contains(readPage(t, page, ""), list) {
			t.Errorf("docs/%s does not have the formats %s", page, list)
		}
	}
}

// The map has every package.
func TestDocs_architecture(t *testing.T) {
	page := readPage(t, "architecture.md", "")
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if name != "" && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/architecture.md does not have the package %s", name)
		}
	}
}

func TestDocs_metrics(t *testing.T) {
	same(t, "reference/daemon.md", firstColumn(readPage(t, "reference/daemon.md", "## Health and metrics")), literals(t, "daemon", `voxparse_[a-z_]+`))
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// anchor is what a forge makes of a heading.
func anchor(heading string) string {
	s := strings.ToLower(strings.TrimSpace(strings.TrimLeft(heading, "#")))
	s = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(s, "")
	return strings.ReplaceAll(s, " ", "-")
}

// Links between the pages lead somewhere, headings included.
func TestDocs_links(t *testing.T) {
	for _, page := range treeFiles(t, ".md") {
		if strings.Contains(page, "testdata/") {
			continue
		}
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			target, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				if info, errDir := os.Stat(file); errDir != nil || !info.IsDir() {
					t.Errorf("%s: the link %s leads nowhere", page, m[1])
				}
				continue
			}
			if heading == "" {
				continue
			}
			found := false
			for line := range strings.Lines(string(content)) {
				found = found || strings.HasPrefix(line, "#") && anchor(line) == heading
			}
			if !found {
				t.Errorf("%s: %s has no heading %s", page, file, heading)
			}
		}
	}
}

// guides lists the pages for people, those of test data aside.
func guides(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(treeFiles(t, ".md"), func(page string) bool { return strings.Contains(page, "testdata/") })
}

// readGuide returns the text of a page of guides.
func readGuide(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ownPath matches what a page names as a file or folder of this repository.
var ownPath = regexp.MustCompile(`^(?:\./)?((?:api|client|cmd|completions|daemon|docs|internal|store|testdata|tools|webhook|\.ci|\.github)(?:/[\w./-]*)?|[\w/.-]+\.(?:go|sh|md))$`)

// Files and folders that the pages name are there. A file without a folder is
// one of the folder that its row or sentence is about, and has to be somewhere.
func TestDocs_paths(t *testing.T) {
	names := map[string]bool{}
	for _, file := range treeFiles(t, ".go", ".sh", ".md") {
		names[path.Base(file)] = true
	}
	found := 0
	for _, page := range guides(t) {
		for _, m := range quoted.FindAllStringSubmatch(readGuide(t, page), -1) {
			for word := range strings.FieldsSeq(m[1]) {
				p := ownPath.FindStringSubmatch(strings.TrimPrefix(word, "PKG="))
				if p == nil {
					continue
				}
				found++
				if _, err := os.Stat(p[1]); err != nil && !names[p[1]] {
					t.Errorf("%s names %s, which is not in the repository", page, word)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("got %d names of files and folders in the pages, want those of the map at least", found)
	}
}

// makeCall matches a call of make: in backticks, or a line of a code block.
var makeCall = regexp.MustCompile("(?m)(?:`|^    |^\\$ )(?:[A-Z]+=\\S+ )*make ((?:[a-z-]+ ?)+)")

func TestDocs_makeTargets(t *testing.T) {
	makefile := readGuide(t, "Makefile")
	found := 0
	for _, page := range guides(t) {
		for _, m := range makeCall.FindAllStringSubmatch(readGuide(t, page), -1) {
			for target := range strings.FieldsSeq(m[1]) {
				found++
				if !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s says make %s, which the Makefile does not have", page, target)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("got %d calls of make in the pages, want those of CONTRIBUTING.md at least", found)
	}
}

// benchmarks returns the names of the benchmarks of each package, without
// their prefix, by folder.
func benchmarks(t *testing.T) map[string][]string {
	t.Helper()
	byPackage := map[string][]string{}
	eachGoFile(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		for _, decl := range parsed.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && strings.HasSuffix(file, "_test.go") {
				if name, ok := strings.CutPrefix(fn.Name.Name, "Benchmark"); ok {
					byPackage["./"+path.Dir(file)] = append(byPackage["./"+path.Dir(file)], name)
				}
			}
		}
	})
	return byPackage
}

// A figure that names its package and benchmark can be measured again.
func TestDocs_benchmarks(t *testing.T) {
	const page = "reference/performance.md"
	row := regexp.MustCompile("^\\| .* \\| (?:`PKG=(\\S+)`, )?`([A-Z]\\w+)` \\|$")
	found, known := 0, benchmarks(t)
	pkg := ""
	for line := range strings.Lines(readPage(t, page, "")) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		found++
		if m[1] != "" {
			pkg = m[1] // else that of the row above
		}
		if !slices.Contains(known[pkg], m[2]) {
			t.Errorf("docs/%s: %s has no benchmark %s", page, pkg, m[2])
		}
	}
	if found == 0 {
		t.Errorf("docs/%s names no benchmark", page)
	}
}

// `make bench` runs the benchmarks of every package that has any.
func TestBenchRunsEveryBenchmark(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "testdata/bench.sh", "list")
	cmd.Env = append(cmd.Environ(), "PKG=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("testdata/bench.sh list: %v", err)
	}
	got := strings.Fields(string(out))
	want := slices.Sorted(maps.Keys(benchmarks(t)))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("testdata/bench.sh runs %v, want %v", got, want)
	}
}

// pageLines is how long the index of a public package may be in a terminal.
const pageLines = 80

// What go doc says of each public package fits a page.
func TestPublicPackagesFitAPage(t *testing.T) {
	for _, name := range []string{"./api", "./client", "./webhook"} {
		out, err := exec.CommandContext(t.Context(), "go", "doc", name).Output()
		if err != nil {
			t.Fatalf("go doc %s: %v", name, err)
		}
		if n := strings.Count(string(out), "\n"); n > pageLines {
			t.Errorf("go doc %s: got %d lines, want at most %d: export less", name, n, pageLines)
		}
	}
}
