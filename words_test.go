package voxparse_test

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retired maps words that are not used here to those that are: British
// spellings, and names of our own for what has a name that everybody knows.
// "cancelled" stays,
// a status on the wire, and "cancelling" with it.
var retired = map[string]string{
	"analyse": "analyze", "analysed": "analyzed", "artefact": "artifact", "behaviour": "behavior",
	"catalogue": "catalog", "centre": "center", "colour": "color", "defence": "defense", "favour": "favor", "grey": "gray",
	"honour": "honor", "initialise": "initialize", "labelled": "labeled", "licence": "license", "neighbour": "neighbor",
	"normalise": "normalize", "organise": "organize", "programme": "program", "recognise": "recognize", "recognised": "recognized",
	"recogniser": "recognizer", "serialise": "serialize", "serialisation": "serialization", "travelled": "traveled", "whilst": "while",

	"bell": "notify", "lane": "queue", "lanes": "queues", "nudge": "notify",
	"crew": "pool of recognizers", "ears": "detectors", "verdict": "outcome", "errand": "task", "seats": "slots", "patient": "check", "cure": "fix", "cures": "fixes",
}

// wordFiles are the files whose words are looked at: what people write, and not
// what machines or others wrote.
func wordFiles(t *testing.T) []string {
	t.Helper()
	files := append(treeFiles(t, ".go", ".md", ".sh", ".yml", ".toml", ".json"), "Makefile", ".ci/run")
	return slices.DeleteFunc(files, func(path string) bool {
		return strings.Contains(path, "testdata/") || strings.HasSuffix(path, "package-lock.json") || path == "words_test.go"
	})
}

// eachLine visits every line of a file.
func eachLine(t *testing.T, path string, visit func(n int, line string)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		visit(n, lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}

// aWord is a word of a text, or a part of an identifier.
var aWord = regexp.MustCompile(`[A-Z]+(?:[^A-Za-z]|$)|[A-Z]?[a-z]+`)

func TestWords_retired(t *testing.T) {
	for _, path := range wordFiles(t) {
		eachLine(t, path, func(n int, line string) {
			for _, w := range aWord.FindAllString(line, -1) {
				if better, ok := retired[strings.ToLower(w)]; ok {
					t.Errorf("%s:%d: %q is %q here", path, n, w, better)
				}
			}
		})
	}
}

// local matches what is true on one machine only.
var local = regexp.MustCompile(`(^|[\s"'(=])(/work/|/root/|/tmp/wt|/tmp/go)`)

func TestNoPathsOfOneMachine(t *testing.T) {
	for _, path := range wordFiles(t) {
		eachLine(t, path, func(n int, line string) {
			if m := local.FindString(line); m != "" {
				t.Errorf("%s:%d: %s… is a path of one machine", path, n, strings.TrimSpace(m))
			}
		})
	}
}
