package daemon_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// crashEnv makes a daemon child kill itself when the end of a file takes the
// step of that number, and print the names of the steps until then.
const crashEnv = "VOXPARSE_TEST_CRASH"

// crashAt returns a step that ends the process as a power cut would.
func crashAt(number string) func(string) error {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil
	}
	var taken atomic.Int64
	return func(name string) error {
		fmt.Println(name)
		if taken.Add(1) != n {
			return nil
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
		select {}
	}
}

// crashCase is the end of one file.
type crashCase struct {
	name    string
	text    string
	options func(*api.FolderOptions)
	before  map[string]string // files that lie there already
	want    map[string]string // "" is any content
	state   store.FileStatus
	last    string // the last step
}

var crashCases = []crashCase{
	{name: "leave", text: "Some words.", state: store.FileDone, last: "committed",
		options: func(o *api.FolderOptions) {},
		want:    map[string]string{"sub/call.mp3": string(audio("Some words.")), "sub/call.txt": "Some words.\n"}},
	{name: "move beside another", text: "Some words.", state: store.FileDone, last: "recorded",
		options: func(o *api.FolderOptions) { o.After, o.Formats = "move", []string{"txt", "srt"} },
		before:  map[string]string{"done/sub/call.mp3": "another", "sub/call.txt": "notes"},
		want: map[string]string{"done/sub/call.mp3": "another", "done/sub/call (2).mp3": string(audio("Some words.")),
			"sub/call.txt": "notes", "sub/call.mp3.txt": "Some words.\n", "sub/call.mp3.srt": ""}},
	{name: "delete", text: "Some words.", state: store.FileDone, last: "recorded",
		options: func(o *api.FolderOptions) { o.After = "delete" },
		want:    map[string]string{"sub/call.txt": "Some words.\n"}},
	{name: "fail and move", text: "fail damaged", state: store.FileFailed, last: "recorded",
		options: func(o *api.FolderOptions) { o.Failed = "move" },
		want:    map[string]string{"failed/sub/call.mp3": string(audio("fail damaged")), "failed/sub/call.mp3.error.json": ""}},
}

// run lets the daemon die at a step of the file's end, and another one end what
// it began. It returns the steps that were taken.
func (c crashCase) run(t *testing.T, step int) []string {
	t.Helper()
	home, dir := shortDir(t), t.TempDir()
	for path, text := range c.before {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := startProcess(t, home, crashEnv+"="+strconv.Itoa(step))
	folder, err := p.AddWatch(t.Context(), api.FolderRequest{Dir: dir, Options: quick(c.options)})
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines) // once it is dead
		for line, err := p.line(); err == nil; line, err = p.line() {
			lines <- line
		}
	}()
	drop(t, dir, "sub/call.mp3", c.text)
	var steps []string
	for alive := true; alive && (len(steps) == 0 || steps[len(steps)-1] != c.last); {
		var line string
		select {
		case line, alive = <-lines:
			steps = append(steps, line)
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing happened for 20 s after the steps %q", steps)
		}
	}
	p.kill()

	untilFinished(t, home, func(p *daemonProcess) bool {
		v, err := p.Watch(t.Context(), folder.ID)
		if err != nil {
			t.Fatal(err)
		}
		return v.Counts[string(c.state)] == 1 && len(c.differences(t, dir)) == 0
	})
	for _, d := range c.differences(t, dir) {
		t.Errorf("after a crash at step %d of %q: %s", step, steps, d)
	}
	c.checkStore(t, home, folder.ID, step)
	return steps
}

// untilFinished runs a daemon until ended holds and it is recorded that nothing
// is left to do with sources.
func untilFinished(t *testing.T, home string, ended func(*daemonProcess) bool) {
	t.Helper()
	for tries := 1; ; tries++ {
		p := startProcess(t, home)
		until(t, "the end of all work", func() bool { return ended(p) })
		if err := p.terminate(); err != nil {
			t.Errorf("got %v from the last daemon, want a graceful stop", err)
		}
		db, err := boltstore.Open(t.Context(), filepath.Join(home, "voxparse"), boltstore.Config{})
		if err != nil {
			t.Fatal(err)
		}
		fins, err := db.PendingFinishes(t.Context(), nil, 10)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if len(fins) == 0 {
			return
		}
		if tries == 10 { // each was stopped before it could record what it had done
			t.Fatalf("got %d sources that are not finished, such as %s, want none", len(fins), fins[0].Path)
		}
	}
}

// differences says how the folder is not as it is to be in the end.
func (c crashCase) differences(t *testing.T, dir string) (out []string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == watch.Marker {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if want, ok := c.want[rel]; !ok || want != "" && want != string(data) {
			out = append(out, fmt.Sprintf("got %q in %s, want %q", data, rel, want))
		}
		seen++
		return err
	})
	if err != nil {
		out = append(out, err.Error()) // it was moved while we looked
	}
	if seen != len(c.want) {
		out = append(out, fmt.Sprintf("got %d files, want %d", seen, len(c.want)))
	}
	return out
}

func (c crashCase) checkStore(t *testing.T, home, folder string, step int) {
	t.Helper()
	db, err := boltstore.Open(t.Context(), filepath.Join(home, "voxparse"), boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rec, err := db.File(t.Context(), folder, "sub/call.mp3")
	if err != nil || rec.Status != c.state {
		t.Errorf("step %d: got the file %s (%v), want %s", step, rec.Status, err, c.state)
	}
	events, err := db.EventsSince(t.Context(), 0, 10)
	if err != nil || len(events) != 1 || events[0].JobID != rec.JobID {
		t.Errorf("step %d: got %d events (%v), want one, of %s", step, len(events), err, rec.JobID)
	}
}

// TestACrashBetweenAnyTwoStepsOfAFilesEnd kills the daemon at every step from
// the first output to the record of what became of the source.
func TestACrashBetweenAnyTwoStepsOfAFilesEnd(t *testing.T) {
	for _, c := range crashCases {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			steps := c.run(t, 0)
			for n := 1; n <= len(steps); n++ {
				c.run(t, n)
			}
			t.Logf("%d steps: %s; %s", len(steps), strings.Join(steps, ", "), time.Since(begun).Round(time.Millisecond))
		})
	}
}
