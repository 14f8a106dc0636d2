package watch

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

func rules(t testing.TB, o api.FolderOptions) Rules {
	t.Helper()
	r, err := ParseRules(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIgnoredFile_whichFilesAreTaken(t *testing.T) {
	all := api.FolderOptions{Recursive: true}
	tests := []struct {
		options api.FolderOptions
		path    string
		taken   bool
	}{
		{all, "talk.mp3", true},
		{all, "TALK.WAV", true},
		{all, "a/b/talk.opus", true},
		{api.FolderOptions{}, "a/talk.mp3", false},
		{api.FolderOptions{}, "talk.m4a", true},
		{all, "talk", false},
		{all, "talk.pdf", false},
		{all, "talk.txt", false},
		{all, ".talk.mp3", false},
		{all, "._talk.mp3", false},
		{all, "~$talk.mp3", false},
		{all, ".syncthing.talk.mp3.tmp", false},
		{all, ".goutputstream-ABC.mp3", false},
		{all, "talk.mp3.part", false},
		{all, "talk.mp3.CRDOWNLOAD", false},
		{all, "talk.mp3.filepart", false},
		{all, "Thumbs.db", false},
		{all, "desktop.ini", false},
		{all, ".git/talk.mp3", false},
		{all, "@eaDir/talk.mp3", false},
		{all, "a/__MACOSX/talk.mp3", false},
		{all, ".Trash-1000/files/talk.mp3", false},
		{all, ".stversions/talk.mp3", false},
		{all, "done/talk.mp3", true},
		{api.FolderOptions{Recursive: true, After: "move"}, "done/talk.mp3", false},
		{api.FolderOptions{Recursive: true, After: "move"}, "a/done/talk.mp3", true},
		{api.FolderOptions{Recursive: true, Failed: "move"}, "failed/talk.mp3", false},
		{api.FolderOptions{Recursive: true, Include: []string{"*.dat"}}, "a/call.dat", true},
		{api.FolderOptions{Recursive: true, Include: []string{"*.dat"}}, "call.mp3", false},
		{api.FolderOptions{Recursive: true, Include: []string{"*"}}, "call.srt", false},
		{api.FolderOptions{Recursive: true, Include: []string{"calls/**/*.mp3"}}, "calls/a/b/c.mp3", true},
		{api.FolderOptions{Recursive: true, Include: []string{"calls/**/*.mp3"}}, "c.mp3", false},
		{api.FolderOptions{Recursive: true, Exclude: []string{"draft*"}}, "a/draft1.mp3", false},
		{api.FolderOptions{Recursive: true, Exclude: []string{"a"}}, "a/talk.mp3", false},
		{api.FolderOptions{Recursive: true, Exclude: []string{"/a/b"}}, "a/b/talk.mp3", false},
		{api.FolderOptions{Recursive: true, Include: []string{"raw-*"}}, "raw-\xff\xfe", true},
		{api.FolderOptions{Recursive: true, Include: []string{"{a,b}?.mp3"}}, "b1.mp3", true},
	}
	for _, tt := range tests {
		if why := rules(t, tt.options).IgnoredFile(tt.path); (why == "") != tt.taken {
			t.Errorf("%q with %+v: got ignored because %q, want taken %v", tt.path, tt.options, why, tt.taken)
		}
	}
}

func TestParseRules_refusesWrongOptions(t *testing.T) {
	tests := map[string]api.FolderOptions{
		"include":  {Include: []string{"[a"}},
		"exclude":  {Exclude: []string{"{a"}},
		"settle":   {Settle: "5"},
		"zero":     {Settle: "0s"},
		"negative": {Settle: "-1s"},
		"poll":     {Poll: "often"},
		"after":    {After: "shred"},
		"failed":   {Failed: "delete"},
		"metadata": {Metadata: map[string]string{"agent": "{folder}"}},
	}
	for name, o := range tests {
		if _, err := ParseRules(o); !errors.Is(err, api.Invalid) {
			t.Errorf("%s: got %v, want api.Invalid", name, err)
		}
	}
}

func TestParseRules_readsOptions(t *testing.T) {
	r := rules(t, api.FolderOptions{Settle: "2s", Poll: "10s", After: "move", Failed: "move"})
	if r.Settle != 2*time.Second || r.PollEvery != 10*time.Second || !r.Move || r.Delete || !r.MoveFail {
		t.Errorf("got %+v", r)
	}
	if action, to := r.Done("a/b.mp3"); action != Move || to != "done/a/b.mp3" {
		t.Errorf("got %s to %q, want move to done/a/b.mp3", action, to)
	}
	if action, to := r.Failed("a/b.mp3"); action != Move || to != "failed/a/b.mp3" {
		t.Errorf("got %s to %q, want move to failed/a/b.mp3", action, to)
	}
	if action, _ := rules(t, api.FolderOptions{After: "delete"}).Done("a.mp3"); action != Delete {
		t.Errorf("got %s, want delete", action)
	}
}

func TestParseRules_takesDays(t *testing.T) {
	r := rules(t, api.FolderOptions{Settle: "1d12h", Poll: "1w"})
	if r.Settle != 36*time.Hour || r.PollEvery != 7*24*time.Hour {
		t.Errorf("got settle %s and poll %s, want 36h and 168h", r.Settle, r.PollEvery)
	}
}

func TestExpand_fillsTemplates(t *testing.T) {
	r := rules(t, api.FolderOptions{Metadata: map[string]string{
		"agent": "{dir}", "call": "{stem}", "when": "{mtime}", "all": "{path}|{name}|{ext}", "json": `{"a":1} {}`,
	}})
	st := Stat{}.At(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	got := r.Expand("anna/call 7.v2.mp3", st)
	want := map[string]string{
		"agent": "anna", "call": "call 7.v2", "when": "2026-03-04T05:06:07Z",
		"all": "anna/call 7.v2.mp3|call 7.v2.mp3|mp3", "json": `{"a":1} {}`,
	}
	wantTree(t, "metadata", got, want)
	if top := r.Expand("\xff.mp3", st); top["agent"] != "" || !utf8.ValidString(top["call"]) {
		t.Errorf("got %q, want an empty dir and valid UTF-8", top)
	}
}

func TestPrintable_showsEveryByte(t *testing.T) {
	tests := map[string]string{
		"talk é 日本.mp3": "talk é 日本.mp3",
		"a\xffb":        `a\xffb`,
		"a\nb\x7f":      `a\x0ab\x7f`,
		"\u202egpj.mp3": `\u202egpj.mp3`,
	}
	for in, want := range tests {
		if got := Printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzRules(f *testing.F) {
	for _, p := range []string{"a/b.mp3", ".x/y", "a//b", "/", "", "\xff", "done/x.wav", "a.error (2).json"} {
		f.Add(p, "*.mp3")
	}
	f.Add("x", "[a-")
	f.Fuzz(func(t *testing.T, p, glob string) {
		r, err := ParseRules(api.FolderOptions{Recursive: true, After: "move", Include: []string{glob}})
		if err != nil || p == "" || strings.HasSuffix(p, "/") {
			return
		}
		r.IgnoredFile(p)
		r.IgnoredDir(p)
		subjects(p)
		if s := Printable(p); !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x1b") {
			t.Errorf("%q: got %q, want what can be printed", p, s)
		}
		if out := outputName(p, ".txt", 3); len(out)-strings.LastIndex(out, "/")-1 > maxName {
			t.Errorf("%q: got an output name of %d bytes", p, len(out))
		}
	})
}

func FuzzParseOutput(f *testing.F) {
	f.Add(Output{Path: "a b.txt", SHA256: sum("x")}.String())
	f.Add("x y")
	f.Fuzz(func(t *testing.T, s string) {
		if o, err := ParseOutput(s); err == nil && o.String() != s {
			t.Errorf("got %q, want %q again", o.String(), s)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("{stem} {", "a/b.mp3")
	f.Add("}{dir}{{", "\xff")
	f.Fuzz(func(t *testing.T, template, file string) {
		r, err := ParseRules(api.FolderOptions{Metadata: map[string]string{"k": template}})
		if err == nil {
			r.Expand(file, Stat{})
		}
	})
}
