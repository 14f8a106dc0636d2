package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/models/modelstest"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
)

// dropped is a file that was put into a drop folder.
type dropped struct {
	folder *ground
	path   string // below the folder
	text   string // which content it has
	said   string // its transcript; "" where any will do
	data   []byte
}

// ground is a drop folder of a test with what is to become of its files.
type ground struct {
	dir, after string
	id         string
}

// drops are all files of a test, in several folders.
type drops struct {
	t       *testing.T
	home    string
	grounds []*ground
	files   []dropped
	seen    *sightings
	env     []string // of the daemons
}

const subfolders = 7

// newDrops makes a folder for every value of after.
func newDrops(t *testing.T) *drops {
	t.Helper()
	d := &drops{t: t, home: shortDir(t), env: []string{delayEnv + "=1ms"}}
	var dirs []string
	for _, after := range []string{"leave", "move", "delete"} {
		g := &ground{dir: filepath.Join(t.TempDir(), after), after: after}
		d.grounds = append(d.grounds, g)
		for i := range subfolders {
			dir := filepath.Join(g.dir, fmt.Sprint("s", i))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, dir)
		}
	}
	d.seen = look(t, dirs...)
	return d
}

// add plans a file for one of the folders.
func (d *drops) add(text, said string, data []byte) {
	i := len(d.files)
	d.files = append(d.files, dropped{d.grounds[i%len(d.grounds)], fmt.Sprintf("s%d/f%05d.mp3", i%subfolders, i), text, said, data})
}

// addFakes plans n files that the fake transcribes. Every fifth has the content
// of an earlier one of its folder, and every fortieth content cannot be
// transcribed.
func (d *drops) addFakes(n int) {
	for i := range n {
		k := i / len(d.grounds)
		if k%5 == 4 {
			k -= 1 + rand.IntN(4)
		}
		text := fmt.Sprintf("Words %06d.", k)
		if k%40 == 7 {
			text = fmt.Sprintf("fail %s %06d", api.JobDamaged, k)
		}
		d.add(text, text+"\n", audio(text))
	}
}

// open adds the folders to a first daemon, and kills it.
func (d *drops) open() {
	d.t.Helper()
	p := startProcess(d.t, d.home, d.env...)
	for _, g := range d.grounds {
		v, err := p.AddWatch(d.t.Context(), api.FolderRequest{Dir: g.dir, Options: quick(func(o *api.FolderOptions) {
			o.After, o.Formats = g.after, []string{"txt", "srt"}
		})})
		if err != nil {
			d.t.Fatal(err)
		}
		g.id = v.ID
	}
	p.kill()
}

// drop writes all files as fast as it can, every other one under a name that
// it is renamed from.
func (d *drops) drop() {
	for i, f := range d.files {
		path := filepath.Join(f.folder.dir, f.path)
		name := path
		if i%2 == 0 {
			name += ".part"
		}
		err := os.WriteFile(name, f.data, 0o644)
		if err == nil && name != path {
			err = os.Rename(name, path)
		}
		if err != nil {
			d.t.Errorf("drop a file: %v", err)
			return
		}
	}
}

// read opens the store of a daemon that is dead.
func (d *drops) read(look func(db *store.DB)) {
	d.t.Helper()
	db, err := store.Open(context.Background(), filepath.Join(d.home, "voxparse"), store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	look(db)
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// records returns what the store says of every file, by folder and path.
func (d *drops) records(db *store.DB) map[string]store.FileRecord {
	d.t.Helper()
	all := map[string]store.FileRecord{}
	for _, g := range d.grounds {
		recs, err := db.Files(d.t.Context(), g.id, "", "", len(d.files)+1)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, rec := range recs {
			all[filepath.Join(g.dir, rec.Path)] = rec
		}
	}
	return all
}

// untouched checks that no source was moved, deleted or changed before the end
// of its job was committed. It returns how many files are not accounted for.
func (d *drops) untouched(db *store.DB, here int) (open int) {
	d.t.Helper()
	recs := d.records(db)
	for _, f := range d.files[:here] {
		path := filepath.Join(f.folder.dir, f.path)
		rec := recs[path]
		switch rec.State {
		case store.FileDone, store.FileSkipped, store.FileFailed:
			job, err := db.Job(d.t.Context(), rec.JobID)
			if err != nil || rec.State == store.FileDone && job.State != api.Completed {
				d.t.Errorf("%s is %s, and its job %s (%v)", f.path, rec.State, job.State, err)
			}
			if job.State == api.Completed {
				continue // whatever is done to it is done rightly
			}
		default:
			open++
		}
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, f.data) {
			d.t.Errorf("%s %s: got %d bytes, %v, want it as it was dropped", rec.State, f.path, len(data), err)
		}
	}
	return open
}

// killUntilDone starts the daemon and kills it when moment says so, again and
// again, until every file is accounted for. It returns how often.
func (d *drops) killUntilDone(least int, moment func(*daemonProcess)) (rounds int) {
	d.t.Helper()
	var writing sync.WaitGroup
	writing.Go(d.drop)
	begun := time.Now()
	for {
		p := startProcess(d.t, d.home, d.env...)
		moment(p)
		p.kill()
		p.Close()
		rounds++
		if rounds == 2 { // from now on all lie there
			writing.Wait()
		}
		open := 0
		d.read(func(db *store.DB) {
			if rounds >= 2 {
				open = d.untouched(db, len(d.files))
			}
		})
		if d.t.Failed() || time.Since(begun) > 20*time.Minute {
			d.t.Fatalf("round %d: %d files are open", rounds, open)
		}
		if open == 0 && rounds >= least {
			return rounds
		}
	}
}

// TestDroppedFilesAreTranscribedOnceWhateverIsKilled drops many files at once
// and kills the daemon until all is done. VOXPARSE_SCALE=full makes it 10,000.
func TestDroppedFilesAreTranscribedOnceWhateverIsKilled(t *testing.T) {
	n, least, longest := 600, 10, 400*time.Millisecond
	switch {
	case os.Getenv("VOXPARSE_SCALE") == "full":
		n, least, longest = 10_000, 50, 3*time.Second
	case testing.Short():
		n, least = 150, 5
	}
	d := newDrops(t)
	d.addFakes(n)
	d.run(least, func(*daemonProcess) {
		pause := time.NewTimer(rand.N(longest))
		<-pause.C
	})
}

// TestRealRecordingsAreTranscribedOnceWhateverIsKilled is the same in small,
// with the real recogniser.
func TestRealRecordingsAreTranscribedOnceWhateverIsKilled(t *testing.T) {
	path, err := buildEngine()
	if err != nil {
		t.Fatal(err)
	}
	d := newDrops(t)
	d.env = []string{engineEnv + "=" + path, modelsEnv + "=" + modelstest.Dir(t), cacheEnv + "=" + modelstest.Cache(t)}
	data, err := os.ReadFile("../testdata/audio/sense_and_sensibility_01_austen_64kb-0880.wav")
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // twice in every folder
		d.add("0880", "", data)
	}
	round := 0
	d.run(3, func(p *daemonProcess) { // however slow the machine is, each second one gets on
		round++
		want, before := round%2, d.accounted(p)
		for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
			s, err := p.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := d.accounted(p); n == len(d.files) || want == 0 && n > before || want == 1 && len(s.Workers) > 0 && s.Workers[0].JobID != "" {
				return
			}
		}
	})
}

// accounted returns how many files are done or skipped.
func (d *drops) accounted(p *daemonProcess) (n int) {
	d.t.Helper()
	all, err := p.Watches(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range all {
		n += f.Counts["done"] + f.Counts["skipped"]
	}
	return n
}

// run drops the files, kills daemons until all is done, and checks what is
// there then.
func (d *drops) run(least int, moment func(*daemonProcess)) {
	d.t.Helper()
	d.open()
	begun := time.Now()
	rounds := d.killUntilDone(least, moment)
	untilFinished(d.t, d.home, func(p *daemonProcess) bool {
		s, err := p.Status(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		return s.Jobs[api.Queued]+s.Jobs[api.Processing] == 0
	})
	d.read(d.check)
	d.t.Logf("%d files, %d kills, %s", len(d.files), rounds, time.Since(begun).Round(time.Second))
}

// check compares what is there at the end with what has to be.
func (d *drops) check(db *store.DB) {
	d.t.Helper()
	recs := d.records(db)
	want := map[string]string{}
	jobs, ends := map[string]string{}, map[string]int{}
	for _, f := range d.files {
		path := filepath.Join(f.folder.dir, f.path)
		rec := recs[path]
		d.expect(want, f, rec)
		if rec.State == store.FileSkipped {
			continue
		}
		key := f.folder.after + f.text
		if other := jobs[key]; other != "" && rec.State == store.FileDone {
			d.t.Errorf("%s: %q was transcribed by %s and by %s", f.path, f.text, other, rec.JobID)
		}
		jobs[key] = rec.JobID
	}
	for seq := uint64(0); ; {
		page, err := db.EventsSince(d.t.Context(), seq, 100)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			ends[e.JobID]++
			seq = e.Seq
		}
	}
	for id, n := range ends {
		if n != 1 {
			d.t.Errorf("%s ended %d times", id, n)
		}
	}
	all, err := db.CountJobs(d.t.Context())
	if err != nil || len(ends) != all[api.Completed]+all[api.Failed] || all[api.Cancelled] > 0 {
		d.t.Errorf("got %d jobs with an event and the counts %v (%v), want one event for every job and none cancelled", len(ends), all, err)
	}
	d.compare(want)
}

// expect adds to want what a file is to leave behind.
func (d *drops) expect(want map[string]string, f dropped, rec store.FileRecord) {
	d.t.Helper()
	path := filepath.Join(f.folder.dir, f.path)
	stem := strings.TrimSuffix(path, ".mp3")
	failing, state := strings.HasPrefix(f.text, "fail"), rec.State
	switch {
	case failing && state == store.FileFailed:
		want[path] = string(f.data)
		want[path+".error.json"] = ""
		return
	case failing, state != store.FileDone && state != store.FileSkipped:
		d.t.Errorf("%s (%s): got %s, want it accounted for", f.path, f.text, state)
		return
	}
	switch f.folder.after {
	case "leave":
		want[path] = string(f.data)
	case "move":
		want[filepath.Join(f.folder.dir, watch.DoneDir, f.path)] = string(f.data)
	}
	if state == store.FileDone {
		want[stem+".txt"], want[stem+".srt"] = f.said, ""
	}
}

// compare compares the folders with what is wanted, where "" is any content.
func (d *drops) compare(want map[string]string) {
	d.t.Helper()
	seen := d.seen.counts()
	for path := range seen {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if !strings.HasPrefix(name, "f") && !(strings.HasPrefix(name, ".voxparse-") && filepath.Ext(path) == ".del") {
			d.t.Errorf("%s was seen in a drop folder, want nothing half made there", path)
		}
	}
	for _, g := range d.grounds {
		err := filepath.WalkDir(g.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || e.Name() == watch.Marker {
				return err
			}
			text, ok := want[path]
			data, err := os.ReadFile(path)
			if !ok || len(data) == 0 || text != "" && text != string(data) {
				d.t.Errorf("%s: got %q, want %q (there: %v)", path, data, text, ok)
			}
			if n := seen[path]; !strings.Contains(path, "/"+watch.DoneDir+"/") && n != 1 {
				d.t.Errorf("%s was made %d times, want once", path, n)
			}
			delete(want, path)
			return err
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	for path := range want {
		d.t.Errorf("%s is missing", path)
	}
}
