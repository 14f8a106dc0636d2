package daemon_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// read opens the store of a daemon that is dead.
func (d *drops) read(look func(db *boltstore.DB)) {
	d.t.Helper()
	db, err := boltstore.Open(context.Background(), filepath.Join(d.home, "voxparse"), boltstore.Config{})
	if err != nil {
		d.t.Fatal(err)
	}
	look(db)
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// records returns what the store says of every file, by folder and path.
func (d *drops) records(db *boltstore.DB) map[string]store.FileRecord {
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
func (d *drops) untouched(db *boltstore.DB, here int) (open int) {
	d.t.Helper()
	recs := d.records(db)
	for _, f := range d.files[:here] {
		path := filepath.Join(f.folder.dir, f.path)
		rec := recs[path]
		switch rec.Status {
		case store.FileDone, store.FileSkipped, store.FileFailed:
			job, err := db.Job(d.t.Context(), rec.JobID)
			if err != nil || rec.Status == store.FileDone && job.Status != api.Completed {
				d.t.Errorf("%s is %s, and its job %s (%v)", f.path, rec.Status, job.Status, err)
			}
			if job.Status == api.Completed {
				continue // whatever is done to it is done rightly
			}
		default:
			open++
		}
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, f.data) {
			d.t.Errorf("%s %s: got %d bytes, %v, want it as it was dropped", rec.Status, f.path, len(data), err)
		}
	}
	return open
}

// check compares what is there at the end with what has to be.
func (d *drops) check(db *boltstore.DB) {
	d.t.Helper()
	recs := d.records(db)
	want := map[string]string{}
	jobs, ends := map[string]string{}, map[string]int{}
	for _, f := range d.files {
		path := filepath.Join(f.folder.dir, f.path)
		rec := recs[path]
		d.expect(want, f, rec)
		if rec.Status == store.FileSkipped {
			continue
		}
		key := f.folder.after + f.text
		if other := jobs[key]; other != "" && rec.Status == store.FileDone {
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
	failing := strings.HasPrefix(f.text, "fail")
	state := rec.Status
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
