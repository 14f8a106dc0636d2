package watch

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// desk is a folder with a source that has been hashed.
type desk struct {
	t    *testing.T
	dir  string
	out  string
	ours []Output // what a store would have recorded
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{t: t, dir: filepath.Join(dir, "drop")}
	writeFile(t, filepath.Join(d.dir, "calls/talk.mp3"), "audio")
	return d
}

func (d *desk) finisher() *Finisher { return &Finisher{Place: Place{Dir: d.dir}, Out: d.out} }

func (d *desk) stat(path string) Stat {
	d.t.Helper()
	fi, err := os.Lstat(filepath.Join(d.dir, path))
	if err != nil {
		d.t.Fatal(err)
	}
	return StatOf(fi)
}

func (d *desk) intent(action, to string) Intent {
	return Intent{Path: "calls/talk.mp3", Stat: d.stat("calls/talk.mp3"), SHA256: sum("audio"), Action: action, To: to}
}

func (d *desk) record(o []Output) error {
	d.ours = o
	return nil
}

// tree returns what is in the folder and in out, by path.
func (d *desk) tree() map[string]string {
	d.t.Helper()
	out := map[string]string{}
	top := filepath.Dir(d.dir)
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			rel, _ := filepath.Rel(top, path)
			out[rel] = readFile(d.t, path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

func wantTree(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

var transcript = []Content{{Ext: ".txt", Data: []byte("hello\n")}, {Ext: ".srt", Data: []byte("1\n")}}

func (d *desk) write(source string, contents []Content, ours []Output) []Output {
	d.t.Helper()
	got, err := d.finisher().Write(d.t.Context(), source, contents, ours, d.record)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

func (d *desk) finish(in Intent) Outcome {
	d.t.Helper()
	got, err := d.finisher().Finish(d.t.Context(), in)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

func TestWrite_besideTheSourceOrIntoTheOutFolder(t *testing.T) {
	d := newDesk(t)
	d.write("calls/talk.mp3", transcript, nil)
	d.out = filepath.Join(filepath.Dir(d.dir), "texts")
	got := d.write("calls/talk.mp3", transcript, nil)
	wantTree(t, "outputs", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n",
		"texts/calls/talk.txt": "hello\n", "texts/calls/talk.srt": "1\n",
	})
	if want := filepath.Join(d.out, "calls/talk.txt"); got[0].Path != want {
		t.Errorf("got path %q, want %q", got[0].Path, want)
	}
}

func TestWrite_neverOverwritesAFileThatIsNotOurs(t *testing.T) {
	d := newDesk(t)
	writeFile(t, filepath.Join(d.dir, "calls/talk.txt"), "my notes")
	if err := os.Mkdir(filepath.Join(d.dir, "calls/talk.srt"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(d.dir, "calls/talk.mp3.srt"), "my subtitles")
	got := d.write("calls/talk.mp3", transcript, nil)
	wantTree(t, "outputs", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "my notes", "drop/calls/talk.mp3.srt": "my subtitles",
		"drop/calls/talk.mp3 (2).txt": "hello\n", "drop/calls/talk.mp3 (2).srt": "1\n",
	})
	if again := d.write("calls/talk.mp3", transcript, got); !slices.Equal(again, got) {
		t.Errorf("got %v the second time, want %v again", again, got)
	}
}

func TestWrite_replacesOurOwnOutputUnlessAPersonEditedIt(t *testing.T) {
	d := newDesk(t)
	first := d.write("calls/talk.mp3", transcript, nil)
	writeFile(t, filepath.Join(d.dir, "calls/talk.srt"), "edited")
	d.write("calls/talk.mp3", []Content{{".txt", []byte("better\n")}, {".srt", []byte("2\n")}}, first)
	wantTree(t, "outputs", d.tree(), map[string]string{ // both by one name; nothing old is left beside them
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.srt": "edited",
		"drop/calls/talk.mp3.txt": "better\n", "drop/calls/talk.mp3.srt": "2\n",
	})
}

func TestWrite_anotherFormatBearsTheNameOfTheOthers(t *testing.T) {
	d := newDesk(t)
	writeFile(t, filepath.Join(d.dir, "calls/talk.txt"), "a transcript of before, which we know nothing of")
	d.write("calls/talk.mp3", transcript, nil)
	wantTree(t, "outputs", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "a transcript of before, which we know nothing of",
		"drop/calls/talk.mp3.txt": "hello\n", "drop/calls/talk.mp3.srt": "1\n",
	})
}

// TestWrite_removesOnlyWhatItReplaces has outputs of before in other folders and
// formats, and an error file that ends like a format.
func TestWrite_removesOnlyWhatItReplaces(t *testing.T) {
	d := newDesk(t)
	old := d.write("calls/talk.mp3", []Content{{".json", []byte("{}")}, {".vtt", []byte("WEBVTT\n")}}, nil)
	report, edited := Output{Path: "calls/talk.mp3.error.json", SHA256: sum("why")}, Output{Path: "calls/talk.mp3 (3).json", SHA256: sum("ours once")}
	writeFile(t, filepath.Join(d.dir, report.Path), "why")
	writeFile(t, filepath.Join(d.dir, edited.Path), "edited since")
	elsewhere := Output{Path: filepath.Join(filepath.Dir(d.dir), "talk.json"), SHA256: sum("{}")}
	writeFile(t, elsewhere.Path, "{}")
	writeFile(t, filepath.Join(d.dir, "calls/talk.txt"), "notes")
	d.write("calls/talk.mp3", []Content{{".json", []byte("[]")}, {".txt", []byte("hello\n")}}, append(old, report, edited, elsewhere))
	wantTree(t, "outputs", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "notes", "drop/calls/talk.vtt": "WEBVTT\n",
		"drop/calls/talk.mp3.json": "[]", "drop/calls/talk.mp3.txt": "hello\n",
		"drop/calls/talk.mp3.error.json": "why", "drop/calls/talk.mp3 (3).json": "edited since", "talk.json": "{}",
	})
}

func TestWrite_sameStemWithTwoExtensionsGivesTwoOutputs(t *testing.T) {
	d := newDesk(t)
	writeFile(t, filepath.Join(d.dir, "calls/talk.wav"), "other audio")
	d.write("calls/talk.mp3", transcript[:1], nil)
	d.write("calls/talk.wav", transcript[:1], nil) // even with the very same text
	wantTree(t, "outputs", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.wav": "other audio",
		"drop/calls/talk.txt": "hello\n", "drop/calls/talk.wav.txt": "hello\n",
	})
}

func TestWrite_longAndStrangeNames(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{
		strings.Repeat("é", 125) + ".mp3", // 254 bytes
		"raw-\xff\xfe.mp3", "e\u0301.mp3", "\u00e9.mp3", "new\nline.mp3", ".mp3x",
	} {
		writeFile(t, filepath.Join(d.dir, name), "audio")
		in := Intent{Path: name, Stat: d.stat(name), SHA256: sum("audio"), Action: Move, To: "failed/" + name, Error: []byte("{}")}
		outs := d.write(name, transcript, nil)
		if got := readFile(t, filepath.Join(d.dir, outs[0].Path)); got != "hello\n" {
			t.Errorf("%q: got %q in %q, want the transcript", name, got, outs[0].Path)
		}
		if out := d.finish(in); readFile(t, filepath.Join(d.dir, out.ErrorFile.Path)) != "{}" || readFile(t, filepath.Join(d.dir, "failed", name)) != "audio" {
			t.Errorf("%q: got %+v, want it in failed/ with an error file", name, out)
		}
	}
}

func TestMove_keepsThePathAndNumbersCollisions(t *testing.T) {
	d := newDesk(t)
	writeFile(t, filepath.Join(d.dir, "done/calls/talk.mp3"), "an older one")
	got := d.finish(d.intent(Move, "done/calls/talk.mp3"))
	if got.MovedTo != "done/calls/talk (2).mp3" || !got.Gone {
		t.Errorf("got %+v, want done/calls/talk (2).mp3", got)
	}
	wantTree(t, "folder", d.tree(), map[string]string{
		"drop/done/calls/talk.mp3": "an older one", "drop/done/calls/talk (2).mp3": "audio",
	})
}

func TestMove_sameContentDroppedTwiceIsKeptTwice(t *testing.T) {
	d := newDesk(t)
	d.finish(d.intent(Move, "done/calls/talk.mp3"))
	old := time.Unix(1e9, 0)
	writeFile(t, filepath.Join(d.dir, "calls/talk.mp3"), "audio")
	for _, p := range []string{"calls/talk.mp3", "done/calls/talk.mp3"} {
		if err := os.Chtimes(filepath.Join(d.dir, p), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.finish(d.intent(Move, "done/calls/talk.mp3")); got.MovedTo != "done/calls/talk (2).mp3" {
		t.Errorf("got %+v, want done/calls/talk (2).mp3", got)
	}
}

func TestFinish_leavesASourceThatChanged(t *testing.T) {
	changes := map[string]func(path string) error{
		"replaced": func(p string) error {
			if err := os.WriteFile(p+".new", []byte("AUDIO"), 0o644); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		},
		"written in place": func(p string) error { return os.WriteFile(p, []byte("more audio"), 0o644) },
		"same size and time": func(p string) error {
			fi, err := os.Stat(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p, []byte("OIDUA"), 0o644); err != nil {
				return err
			}
			return os.Chtimes(p, fi.ModTime(), fi.ModTime())
		},
	}
	for name, change := range changes {
		for _, action := range []string{Move, Delete, Leave} {
			if name == "same size and time" && action != Delete {
				continue // moved or left, it is not lost
			}
			t.Run(name+", "+action, func(t *testing.T) {
				d := newDesk(t)
				in := d.intent(action, "done/calls/talk.mp3")
				in.Error = []byte("{}")
				if err := change(filepath.Join(d.dir, "calls/talk.mp3")); err != nil {
					t.Fatal(err)
				}
				want := d.tree()
				if got := d.finish(in); got.Gone || action != Leave && got.Reason != reasonChanged || got.ErrorFile.Path != "" {
					t.Errorf("got %+v, want it left because it has changed", got)
				}
				wantTree(t, "folder", d.tree(), want)
			})
		}
	}
}

func TestFinish_doesNotDeleteASourceThatIsReplacedAtTheLastMoment(t *testing.T) {
	for _, at := range []string{"set aside", "delete"} {
		t.Run(at, func(t *testing.T) {
			d := newDesk(t)
			f, p := d.finisher(), filepath.Join(d.dir, "calls/talk.mp3")
			in := d.intent(Delete, "")
			f.Step = func(step string) error {
				if step == at {
					writeFile(t, p+".new", "new audio")
					return os.Rename(p+".new", p)
				}
				return nil
			}
			if _, err := f.Finish(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			wantTree(t, "folder", d.tree(), map[string]string{"drop/calls/talk.mp3": "new audio"})
		})
	}
}

func TestMove_folderThatGoesAwayOnlyDelaysIt(t *testing.T) {
	d := newDesk(t)
	f, in := d.finisher(), d.intent(Move, "done/calls/talk.mp3")
	f.Step = func(step string) error {
		if step == "move" {
			return os.RemoveAll(filepath.Join(d.dir, "done"))
		}
		return nil
	}
	if out, err := f.Finish(t.Context(), in); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %+v, %v, want api.Unavailable: it has not changed", out, err)
	}
	if got := d.finish(in); got.MovedTo != "done/calls/talk.mp3" {
		t.Errorf("got %+v the second time, want it moved", got)
	}
}

func TestProbe_saysWhetherOutputsCanBeWritten(t *testing.T) {
	for _, plain := range []bool{false, true} {
		d := newDesk(t)
		d.out = filepath.Join(filepath.Dir(d.dir), "texts")
		f := d.finisher()
		f.plain = plain
		want := d.tree()
		if err := f.Probe(1000); err != nil {
			t.Errorf("plain %v: got %v, want nil", plain, err)
		}
		wantTree(t, "after a probe", d.tree(), want)
		if err := os.Remove(d.out); err != nil {
			t.Fatal(err)
		}
		writeFile(t, d.out, "a file in the way")
		if err := f.Probe(1000); !errors.Is(err, api.Unavailable) {
			t.Errorf("plain %v, with a file in the way: got %v, want api.Unavailable", plain, err)
		}
	}
}

func TestFinish_deletesASourceLaterThatAWriterHasOpen(t *testing.T) {
	d := newDesk(t)
	in := d.intent(Delete, "")
	w, err := os.OpenFile(filepath.Join(d.dir, "calls/talk.mp3"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := d.finisher().Finish(t.Context(), in); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v, want api.Unavailable", err)
	}
	wantTree(t, "folder", d.tree(), map[string]string{"drop/calls/talk.mp3": "audio"})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := d.finish(in); !got.Gone {
		t.Errorf("got %+v, want it deleted once the writer is gone", got)
	}
}

func TestFinish_failureWritesAnErrorFile(t *testing.T) {
	d := newDesk(t)
	in := d.intent(Leave, "")
	in.Error = []byte(`{"error":"damaged"}`)
	writeFile(t, filepath.Join(d.dir, "calls/talk.mp3.error.json"), "not ours")
	got := d.finish(in)
	if got.ErrorFile.Path != "calls/talk.mp3.error (2).json" || !IsErrorFile(got.ErrorFile.Path) {
		t.Errorf("got %+v, want calls/talk.mp3.error (2).json", got)
	}
	again := d.intent(Leave, "")
	again.Stale = []Output{got.ErrorFile, {Path: "calls/talk.mp3.error.json", SHA256: sum("something else")}}
	d.finish(again)
	wantTree(t, "after a later success", d.tree(), map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.mp3.error.json": "not ours",
	})
}

func TestFinisher_troubleThatPassesIsUnavailable(t *testing.T) {
	d := newDesk(t)
	in := d.intent(Move, "done/calls/talk.mp3")
	writeFile(t, filepath.Join(d.dir, "done"), "a file in the way")
	if _, err := d.finisher().Finish(t.Context(), in); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v, want api.Unavailable", err)
	}
	if err := os.Rename(d.dir, d.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.finisher().Finish(t.Context(), in); !errors.Is(err, api.Unavailable) {
		t.Errorf("folder away: got %v, want api.Unavailable", err)
	}
	if _, err := d.finisher().Write(t.Context(), "calls/talk.mp3", transcript, nil, nil); !errors.Is(err, api.Unavailable) {
		t.Errorf("folder away: got %v, want api.Unavailable", err)
	}
}

func TestFinisher_symlinkDoesNotLeadOutOfTheFolder(t *testing.T) {
	d := newDesk(t)
	outside := t.TempDir()
	in := d.intent(Move, "done/calls/talk.mp3")
	if err := os.Symlink(outside, filepath.Join(d.dir, "done")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.finisher().Finish(t.Context(), in); err == nil {
		t.Error("got no error, want a refusal")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("got %v in the other folder (%v), want nothing", left, err)
	}
}

func TestClean_removesWhatACrashLeft(t *testing.T) {
	d := newDesk(t)
	writeFile(t, filepath.Join(d.dir, tempName("calls/talk.txt", ".tmp")), "half")
	writeFile(t, filepath.Join(d.dir, ".voxparse-mine.tmp"), "kept")
	if err := d.finisher().Clean(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	wantTree(t, "folder", d.tree(), map[string]string{"drop/calls/talk.mp3": "audio", "drop/.voxparse-mine.tmp": "kept"})
}

func TestOutput_survivesBeingWrittenAsText(t *testing.T) {
	want := Output{Path: "a b\xff.txt", SHA256: sum("x")}
	got, err := ParseOutput(want.String())
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := ParseOutput("x"); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v, want api.Invalid", err)
	}
}

func TestClean_removesWhatACrashLeftInOut(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "out")
	if err := d.finisher().Clean(t.Context(), true); err != nil {
		t.Errorf("got %v where out is not there yet, want nil", err)
	}
	writeFile(t, filepath.Join(d.out, "calls/.voxparse-0123456789abcdef.tmp"), "half")
	writeFile(t, filepath.Join(d.out, "calls/talk.txt"), "words")
	if err := d.finisher().Clean(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	wantTree(t, "after it", d.tree(), map[string]string{"drop/calls/talk.mp3": "audio", "out/calls/talk.txt": "words"})
}

func TestFinish_oldErrorFilesInTheOutFolderAreRemovedWhereTheyAreOurs(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "texts")
	ours, edited := filepath.Join(d.out, "calls/talk.error.txt"), filepath.Join(d.out, "talk.error.txt")
	writeFile(t, ours, "we wrote this")
	writeFile(t, edited, "a person wrote this")
	in := d.intent(Leave, "")
	in.Stale = []Output{{Path: ours, SHA256: sum("we wrote this")}, {Path: edited, SHA256: sum("we wrote this too")},
		{Path: filepath.Join(d.out, "calls/gone.error.txt"), SHA256: sum("gone")}}
	d.finish(in)
	wantTree(t, "left", d.tree(), map[string]string{"drop/calls/talk.mp3": "audio", "texts/talk.error.txt": "a person wrote this"})
}

func TestFinisher_anOutFolderThatIsAFileIsTroubleInWords(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "texts")
	writeFile(t, d.out, "not a folder")
	in := d.intent(Leave, "")
	in.Stale = []Output{{Path: filepath.Join(d.out, "calls/talk.error.txt"), SHA256: sum("x")}}
	_, finish := d.finisher().Finish(t.Context(), in)
	_, write := d.finisher().Write(t.Context(), "calls/talk.mp3", transcript, nil, d.record)
	for what, err := range map[string]error{"finish": finish, "write": write, "clean": d.finisher().Clean(t.Context(), true), "probe": d.finisher().Probe(10)} {
		if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), d.out) {
			t.Errorf("%s: got %v, want trouble that may pass and that names %s", what, err, d.out)
		}
	}
	wantTree(t, "left", d.tree(), map[string]string{"drop/calls/talk.mp3": "audio", "texts": "not a folder"})
}

func TestClean_ofAFolderThatIsNotRecursiveLeavesItsSubfolders(t *testing.T) {
	d := newDesk(t)
	d.out = filepath.Join(filepath.Dir(d.dir), "out")
	const half = ".voxparse-0123456789abcdef.tmp"
	want := map[string]string{"drop/calls/talk.mp3": "audio"}
	for _, dir := range []string{d.dir, d.out} {
		for _, sub := range []string{"", DoneDir, FailedDir} {
			writeFile(t, filepath.Join(dir, sub, half), "half")
		}
		writeFile(t, filepath.Join(dir, "calls", half), "another's")
		want[filepath.Join(filepath.Base(dir), "calls", half)] = "another's"
	}
	if err := d.finisher().Clean(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	wantTree(t, "after it", d.tree(), want)
}
