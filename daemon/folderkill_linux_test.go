package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/models/modelstest"
	"github.com/voxparse/voxparse/store/boltstore"
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
			o.After, o.Formats = api.After(g.after), []string{"txt", "srt"}
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
		d.read(func(db *boltstore.DB) {
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
// with the real recognizer.
func TestRealRecordingsAreTranscribedOnceWhateverIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the worker program, and needs the default model")
	}
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
