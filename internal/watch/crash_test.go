package watch

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
)

// errCrash is what a step panics with: nothing that comes after is done, not
// even tidying up.
var errCrash = errors.New("crash")

// crashAt returns a step that crashes when it is called for the nth time, and
// the number of calls.
func crashAt(n int) (step func(string) error, calls *int) {
	calls = new(int)
	return func(string) error {
		*calls++
		if *calls == n {
			panic(errCrash)
		}
		return nil
	}, calls
}

// crashing runs do and reports whether it crashed.
func crashing(t *testing.T, do func() error) (crashed bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if r != any(errCrash) {
				panic(r)
			}
			crashed = true
		}
	}()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return false
}

// crashCase is a whole journey's end: outputs, then what is done to the source.
type crashCase struct {
	name       string
	action, to string
	fail       bool
	prepare    func(d *desk)
	want       map[string]string
}

var crashCases = []crashCase{
	{name: "leave", action: Leave, want: map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n"}},
	{name: "move", action: Move, to: "done/calls/talk.mp3", want: map[string]string{
		"drop/done/calls/talk.mp3": "audio", "drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n"}},
	{name: "move beside another", action: Move, to: "done/calls/talk.mp3",
		prepare: func(d *desk) { writeFile(d.t, filepath.Join(d.dir, "done/calls/talk.mp3"), "other") },
		want: map[string]string{"drop/done/calls/talk.mp3": "other",
			"drop/done/calls/talk (2).mp3": "audio", "drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n"}},
	{name: "delete", action: Delete, want: map[string]string{
		"drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n"}},
	{name: "fail", action: Leave, fail: true, want: map[string]string{
		"drop/calls/talk.mp3": "audio", "drop/calls/talk.mp3.error.json": "{}"}},
	{name: "fail and move", action: Move, to: "failed/calls/talk.mp3", fail: true, want: map[string]string{
		"drop/failed/calls/talk.mp3": "audio", "drop/failed/calls/talk.mp3.error.json": "{}"}},
	{name: "replace our outputs", action: Leave,
		prepare: func(d *desk) {
			d.ours = d.write("calls/talk.mp3", []Content{{".txt", []byte("old\n")}, {".srt", []byte("0\n")}}, nil)
		},
		want: map[string]string{"drop/calls/talk.mp3": "audio", "drop/calls/talk.txt": "hello\n", "drop/calls/talk.srt": "1\n"}},
	{name: "notes in the way", action: Move, to: "done/calls/talk.mp3",
		prepare: func(d *desk) { writeFile(d.t, filepath.Join(d.dir, "calls/talk.txt"), "notes") },
		want: map[string]string{"drop/calls/talk.txt": "notes",
			"drop/done/calls/talk.mp3": "audio", "drop/calls/talk.mp3.txt": "hello\n", "drop/calls/talk.mp3.srt": "1\n"}},
	{name: "one of ours edited", action: Leave,
		prepare: func(d *desk) {
			d.ours = d.write("calls/talk.mp3", []Content{{".txt", []byte("old\n")}, {".srt", []byte("0\n")}}, nil)
			writeFile(d.t, filepath.Join(d.dir, "calls/talk.srt"), "edited")
		},
		want: map[string]string{"drop/calls/talk.mp3": "audio", "drop/calls/talk.srt": "edited",
			"drop/calls/talk.mp3.txt": "hello\n", "drop/calls/talk.mp3.srt": "1\n"}},
}

// end does all that is left to do, as a daemon would: what is recorded tells
// where it stands.
func (c crashCase) end(d *desk, f *Finisher, in Intent, committed *[]Content, text []Content) error {
	if *committed == nil {
		if !c.fail {
			if _, err := f.Write(d.t.Context(), in.Path, text, d.ours, d.record); err != nil {
				return err
			}
		}
		*committed = text
	}
	_, err := f.Finish(d.t.Context(), in)
	return err
}

// run does the case with a crash at the first'th step and, in the repeat, at
// the second'th; then to its end. It reports how many steps the first run took.
func (c crashCase) run(t *testing.T, mode *Finisher, first, second int) (steps int) {
	t.Helper()
	d := newDesk(t)
	if c.prepare != nil {
		c.prepare(d)
	}
	in := d.intent(c.action, c.to)
	if c.fail {
		in.Error = []byte("{}")
	}
	var committed []Content // by the attempt whose end is recorded
	for i, n := range []int{first, second, 0} {
		f := &Finisher{Place: Place{Dir: d.dir}, plain: mode.plain, far: mode.far}
		var calls *int
		f.Step, calls = crashAt(n)
		text := transcript
		if i == 0 && first%2 == 1 { // an attempt that ended otherwise
			text = []Content{{".txt", []byte("hallo\n")}, {".srt", []byte("0\n")}}
		}
		if crashed := crashing(t, func() error { return c.end(d, f, in, &committed, text) }); i == 0 {
			steps = *calls
			if !crashed {
				break
			}
		}
	}
	want := maps.Clone(c.want)
	for p, text := range want {
		switch text {
		case "hello\n":
			want[p] = string(committed[0].Data)
		case "1\n":
			want[p] = string(committed[1].Data)
		}
	}
	wantTree(t, fmt.Sprintf("crash at step %d and %d", first, second), d.tree(), want)
	if out := d.finish(in); out.MovedTo == "" && c.action == Move || out.Gone != (c.action != Leave) {
		t.Errorf("crash at step %d and %d: a repeat says %+v", first, second, out)
	}
	return steps
}

func TestFinisher_crashBetweenAnyTwoStepsChangesNothing(t *testing.T) {
	modes := map[string]*Finisher{"linux": {}, "plain": {plain: true}, "other device": {far: true}, "plain, other device": {plain: true, far: true}}
	for _, c := range crashCases {
		for name, mode := range modes {
			t.Run(c.name+", "+name, func(t *testing.T) {
				steps := c.run(t, mode, 0, 0)
				for first := 1; first <= steps; first++ {
					c.run(t, mode, first, 0)
					c.run(t, mode, first, 1+first*7%steps) // and once more on the way back
				}
				t.Logf("%d steps", steps)
			})
		}
	}
}
