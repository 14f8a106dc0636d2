package voxparse_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A file holds one noun, and a function one step of its story. Past these
// sizes ask why: either it falls apart into nouns, or it is listed below with
// the reason for which it does not.
const (
	maxFileLines = 500
	maxFuncLines = 60
)

// longFiles lists the files past maxFileLines, each with the reason why it is
// still one noun.
var longFiles = map[string]string{}

// longFuncs lists the functions past maxFuncLines by package folder and name,
// each with the reason why it is still one step.
var longFuncs = map[string]string{
	"client.TestEveryMethodCallsItsRoute": "one row for each method of the client",
	"daemon.Run":                          "the order of start and stop is read from top to bottom",
	"daemon.begin":                        "one row for each system call that is recorded",
	"store/boltstore.BenchmarkLogGrowth":  "what is measured is set up in the benchmark that measures it",
	"store/boltstore.BenchmarkManyJobs":   "what is measured is set up in the benchmark that measures it",
	"webhook.TestVerify_saysWhy":          "one row for each way in which a signature can be wrong",
	"internal/sender.TestCheckURL":        "one row for each kind of address",
}

// treeFiles lists the files of the repository whose names end in one of ext.
func treeFiles(t *testing.T, ext ...string) []string {
	t.Helper()
	skip := []string{"node_modules", ".git", "bin", "dist", ".cache"}
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skip, d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && slices.Contains(ext, filepath.Ext(path)):
			files = append(files, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the tree: %v", err)
	}
	return files
}

// eachGoFile parses every Go file of the tree and hands it to visit.
func eachGoFile(t *testing.T, visit func(path string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	for _, path := range treeFiles(t, ".go") {
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parse %s: %v", path, err)
		}
		visit(path, set, file)
	}
}

// maxDaemonLines is how long package daemon may be: it puts the parts together,
// and whatever else it did belongs in one of them.
const maxDaemonLines = 800

func TestDaemonIsCompositionOnly(t *testing.T) {
	total := 0
	eachGoFile(t, func(path string, set *token.FileSet, file *ast.File) {
		if filepath.ToSlash(filepath.Dir(path)) == "daemon" && !strings.HasSuffix(path, "_test.go") {
			total += set.File(file.Pos()).LineCount()
		}
	})
	if total == 0 || total > maxDaemonLines {
		t.Errorf("package daemon has %d lines, want at most %d: move what is no composition into a part", total, maxDaemonLines)
	}
}

func TestLongFilesAreListed(t *testing.T) {
	eachGoFile(t, func(path string, set *token.FileSet, file *ast.File) {
		lines := set.File(file.FileStart).LineCount()
		if lines > maxFileLines && longFiles[path] == "" {
			t.Errorf("%s has %d lines, want at most %d: split it by noun, or say in longFiles why it is one", path, lines, maxFileLines)
		}
	})
}

func TestFunctionsStayShort(t *testing.T) {
	eachGoFile(t, func(path string, set *token.FileSet, file *ast.File) {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := filepath.ToSlash(filepath.Dir(path)) + "." + fn.Name.Name
			lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			if lines > maxFuncLines && longFuncs[name] == "" {
				t.Errorf("%s: %s has %d lines, want at most %d: take steps out of it, or say in longFuncs why it is one", path, fn.Name.Name, lines, maxFuncLines)
			}
		}
	})
}
