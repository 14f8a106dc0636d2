package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

var fileTests = []struct {
	name string
	run  func(*testing.T, Backend)
}{
	{"a folder is made, changed and deleted", folderLife},
	{"a folder that was removed comes back with what is done", folderReturns},
	{"claiming a file makes one job", fileClaimed},
	{"a duplicate shares the fate of its original", duplicates},
	{"the scope of duplicates", duplicateScope},
	{"a replaced file gives up its job", fileReplaced},
	{"an ended job leaves something to do with its file", finishes},
	{"a file is tried again or dropped", fileRetried},
	{"files are looked up and listed", fileLists},
	{"ignored files are taken after all", filesIgnored},
}

func makeFolder(t *testing.T, s store.Store, dedupe api.Dedupe) string {
	t.Helper()
	id := store.NewID(api.FolderPrefix)
	must[store.FolderRecord](t)(s.CreateFolder(t.Context(), store.FolderRecord{ID: id, Dir: "/" + id, Options: api.FolderOptions{Dedupe: dedupe}}))
	return id
}

// claimOf is a claim of a file with a content, to be moved when it is a duplicate.
func claimOf(path, sha string) store.FileClaim {
	return store.FileClaim{Path: path, SHA256: sha, Stamp: store.FileStamp{Inode: uint64(len(path)), Size: 9, MTime: time.Unix(7, 0).UTC()},
		Job: store.Job{ID: store.NewID(api.JobPrefix)}, Skip: store.Finish{Action: store.FinishMove, To: "twins/" + path}}
}

func claimFile(t *testing.T, s store.Store, folder string, c store.FileClaim) store.FileRecord {
	t.Helper()
	fs := must[[]store.FileRecord](t)(s.ClaimFiles(t.Context(), folder, []store.FileClaim{c}))
	if len(fs) != 1 {
		t.Fatalf("claim %q: got %d records, want 1", c.Path, len(fs))
	}
	return fs[0]
}

// fileJob claims the next job of a folder.
func fileJob(t *testing.T, s store.Store, folder string) store.Job {
	t.Helper()
	js := must[[]store.Job](t)(s.Claim(t.Context(), folder, "w", time.Hour, 1))
	if len(js) != 1 {
		t.Fatalf("claim of the folder's queue: got %d jobs, want 1", len(js))
	}
	return js[0]
}

func wantFile(t *testing.T, s store.Store, folder, path string, want store.FileStatus) store.FileRecord {
	t.Helper()
	f, err := s.File(t.Context(), folder, path)
	if err != nil || f.Status != want {
		t.Errorf("file %q: got %q, error %v, want %s", path, f.Status, err, want)
	}
	return f
}

func folderLife(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	again := must[store.FolderRecord](t)(s.CreateFolder(ctx, store.FolderRecord{ID: id, Dir: "/other"}))
	equal(t, "folder of a repeat", again.Dir, "/"+id)
	_, err := s.CreateFolder(ctx, store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: "/" + id})
	wantError(t, "another folder with the same place", err, api.Conflict)
	_, err = s.CreateFolder(ctx, store.FolderRecord{ID: "x"})
	wantError(t, "folder without an id", err, api.Invalid)
	got := must[store.FolderRecord](t)(s.UpdateFolder(ctx, id, twice(func(f *store.FolderRecord) error { f.Marker, f.ID = f.Marker+"m", "x"; return nil })))
	equal(t, "changed folder", fmt.Sprint(got.ID, got.Marker, got.Revision), fmt.Sprint(id, "m", again.Revision+1))
	_, err = s.UpdateFolder(ctx, id, func(f *store.FolderRecord) error { f.Marker = "n"; return api.Invalid })
	wantError(t, "refused change", err, api.Invalid)
	other := makeFolder(t, s, "")
	equal(t, "folders", len(must[[]store.FolderRecord](t)(s.Folders(ctx))), 2)
	claimFile(t, s, id, claimOf("a", "s"))
	j := fileJob(t, s, id)
	if err := s.DeleteFolder(ctx, id); err != nil {
		t.Fatal(err)
	}
	_, err = s.Folder(ctx, id)
	wantError(t, "deleted folder", err, api.NotFound)
	wantError(t, "second delete", s.DeleteFolder(ctx, id), api.NotFound)
	equal(t, "job of a deleted folder", must[store.Job](t)(s.Job(ctx, j.ID)).Status, api.Cancelled)
	equal(t, "the other folder", must[store.FolderRecord](t)(s.Folder(ctx, other)).Marker, "")
}

func folderReturns(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	claimFile(t, s, id, claimOf("done", "s"))
	j := fileJob(t, s, id)
	must[store.Job](t)(s.CompleteFile(ctx, j.Token(), []byte("{}"), doneEvent(j), store.Finish{Action: store.FinishDelete, Outputs: []string{"done.txt"}}))
	claimFile(t, s, id, claimOf("twin", "s"))
	claimFile(t, s, id, claimOf("fails", "t"))
	j = fileJob(t, s, id)
	must[store.Job](t)(s.Fail(ctx, j.Token(), store.JobError{Code: "x"}, time.Time{}, failEvent(j)))
	open := claimFile(t, s, id, claimOf("open", "u"))
	claimFile(t, s, id, claimOf("waits", "u"))
	if err := s.IgnoreFiles(ctx, id, []store.FileClaim{claimOf("ignored", "v")}); err != nil {
		t.Fatal(err)
	}
	remove := func() {
		t.Helper()
		if err := s.DeleteFolder(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	equal(t, "job of an open file", must[store.Job](t)(s.Job(ctx, open.JobID)).Status, api.Cancelled)
	equal(t, "left to do", len(must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))), 0)
	equal(t, "folders", len(must[[]store.FolderRecord](t)(s.Folders(ctx))), 0)
	_, err := s.File(ctx, id, "done")
	wantError(t, "file of a removed folder", err, api.NotFound)
	_, err = s.UpdateFolder(ctx, id, func(*store.FolderRecord) error { return nil })
	wantError(t, "change of a removed folder", err, api.NotFound)
	gone := must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))
	if len(gone) != 1 || gone[0].ID != id || gone[0].Dir != "/"+id || gone[0].RemovedAt.IsZero() {
		t.Fatalf("removed folders: got %+v, want the one with its time", gone)
	}
	again := must[store.FolderRecord](t)(s.CreateFolder(ctx, store.FolderRecord{ID: id, Dir: "/moved", Origin: store.FromCommand, RemovedAt: time.Unix(1, 0)}))
	equal(t, "the folder", fmt.Sprint(again.Dir, again.Origin, again.RemovedAt.IsZero(), again.Revision > gone[0].Revision), fmt.Sprint("/moved", store.FromCommand, true, true))
	equal(t, "removed folders", len(must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))), 0)
	n := must[map[store.FileStatus]int](t)(s.CountFiles(ctx, id))
	equal(t, "counts", fmt.Sprint(n[store.FileDone], n[store.FileSkipped], n[store.FileFailed]+n[store.FileQueued]+n[store.FileIgnored]), "1 1 0")
	equal(t, "outputs", fmt.Sprint(wantFile(t, s, id, "done", store.FileDone).Outputs), "[done.txt]")
	equal(t, "the content of a done file", claimFile(t, s, id, claimOf("copy", "s")).Status, store.FileSkipped)
	equal(t, "a failed file", claimFile(t, s, id, claimOf("fails", "t")).Status, store.FileQueued)

	remove()
	must[int](t)(s.Purge(ctx, gone[0].RemovedAt.Add(-time.Hour), 100))
	equal(t, "removed folders before their time", len(must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))), 1)
	must[int](t)(s.Purge(ctx, must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))[0].RemovedAt.Add(time.Nanosecond), 100))
	equal(t, "removed folders past it", len(must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))), 0)
	must[store.FolderRecord](t)(s.CreateFolder(ctx, store.FolderRecord{ID: id, Dir: "/" + id}))
	equal(t, "files of a purged folder", len(must[[]store.FileRecord](t)(s.Files(ctx, id, "", "", 9))), 0)
	equal(t, "its content", claimFile(t, s, id, claimOf("done", "s")).Status, store.FileQueued)

	none := makeFolder(t, s, "")
	if err := s.DeleteFolder(ctx, none); err != nil {
		t.Fatal(err)
	}
	equal(t, "removed folders without files", len(must[[]store.FolderRecord](t)(s.RemovedFolders(ctx))), 0)
}

func fileClaimed(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	c := claimOf("a\xff", "s")
	first := claimFile(t, s, id, c)
	c.Job.ID = store.NewID(api.JobPrefix)
	c.Stamp.Inode = 77
	second := claimFile(t, s, id, c)
	equal(t, "job of a repeat", second.JobID, first.JobID)
	equal(t, "stamp of a repeat", second.Stamp.Inode, 77)
	j := fileJob(t, s, id)
	equal(t, "job", fmt.Sprint(j.ID, j.Queue, j.Source.Folder, j.Source.Path), fmt.Sprint(first.JobID, id, id, "a\xff"))
	if err := s.RecordOutputs(ctx, j.Token(), []string{"a.srt"}); err != nil {
		t.Fatal(err)
	}
	equal(t, "outputs", fmt.Sprint(wantFile(t, s, id, "a\xff", store.FileQueued).Outputs), "[a.srt]")
	wantError(t, "outputs by a stale token", s.RecordOutputs(ctx, store.Token{ID: j.ID, Revision: 99}, nil), api.LeaseLost)
	_, err := s.ClaimFiles(ctx, store.NewID(api.FolderPrefix), []store.FileClaim{c})
	wantError(t, "claim in no folder", err, api.NotFound)
}

func duplicates(t *testing.T, b Backend) {
	for _, completed := range []bool{true, false} {
		s, ctx := b.open(t, store.Options{}), t.Context()
		id := makeFolder(t, s, "")
		first := claimFile(t, s, id, claimOf("a", "s"))
		second := claimFile(t, s, id, claimOf("bb", "s"))
		equal(t, "duplicate", fmt.Sprint(second.Status, second.JobID), fmt.Sprint(store.FileSkipped, first.JobID))
		equal(t, "left to do while the original waits", len(must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))), 0)
		j := fileJob(t, s, id)
		if !completed {
			must[store.Job](t)(s.Cancel(ctx, j.ID, 0))
			_, err := s.File(ctx, id, "bb")
			wantError(t, "duplicate of a cancelled file", err, api.NotFound)
			signaled(t, "files dropped", s.FilesDropped())
			continue
		}
		must[store.Job](t)(s.CompleteFile(ctx, j.Token(), []byte("{}"), doneEvent(j), store.Finish{}))
		fins := must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))
		if len(fins) != 1 || fins[0].Path != "bb" || fins[0].To != "twins/bb" || fins[0].JobID != j.ID {
			t.Errorf("left to do: got %+v, want the duplicate's", fins)
		}
		signaled(t, "finishes ready", s.FinishesReady())
		third := claimFile(t, s, id, claimOf("ccc", "s"))
		equal(t, "duplicate of a done file", third.Status, store.FileSkipped)
		equal(t, "left to do", len(must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))), 2)
		equal(t, "left to do, a page later", must[[]store.Finish](t)(s.PendingFinishes(ctx, &fins[0], 9))[0].Path, "ccc")
	}
}

func duplicateScope(t *testing.T, b Backend) {
	for _, tt := range []struct {
		scope       api.Dedupe
		here, there store.FileStatus
	}{
		{"", store.FileSkipped, store.FileQueued},
		{api.DedupeFolder, store.FileSkipped, store.FileQueued},
		{api.DedupeGlobal, store.FileSkipped, store.FileSkipped},
		{api.DedupeOff, store.FileQueued, store.FileQueued},
	} {
		s := b.open(t, store.Options{})
		one, two := makeFolder(t, s, tt.scope), makeFolder(t, s, tt.scope)
		claimFile(t, s, one, claimOf("a", "s"))
		equal(t, string(tt.scope)+": in the same folder", claimFile(t, s, one, claimOf("bb", "s")).Status, tt.here)
		equal(t, string(tt.scope)+": in another", claimFile(t, s, two, claimOf("a", "s")).Status, tt.there)
		other := claimOf("ccc", "s")
		other.Options = "another"
		equal(t, string(tt.scope)+": with other options", claimFile(t, s, one, other).Status, store.FileQueued)
	}
}

func fileReplaced(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	first := claimFile(t, s, id, claimOf("a", "s"))
	j := fileJob(t, s, id)
	second := claimFile(t, s, id, claimOf("a", "t"))
	if second.JobID == first.JobID || second.Status != store.FileQueued {
		t.Errorf("replaced file: got %+v, want a job of its own", second)
	}
	_, err := s.CompleteFile(ctx, j.Token(), nil, doneEvent(j), store.Finish{})
	wantError(t, "complete the job of before", err, api.LeaseLost)
	equal(t, "job of before", must[store.Job](t)(s.Job(ctx, j.ID)).Status, api.Cancelled)
	_, err = s.Retry(ctx, j.ID)
	wantError(t, "retry the job of before", err, api.Conflict)
	equal(t, "the first content, elsewhere", claimFile(t, s, id, claimOf("bb", "s")).Status, store.FileQueued)
}

func finishes(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{FailEvent: failEventAt}), t.Context()
	id := makeFolder(t, s, "")
	fin := func() store.Finish {
		t.Helper()
		fins := must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))
		if len(fins) != 1 {
			t.Fatalf("left to do: got %+v, want one", fins)
		}
		return fins[0]
	}
	claimFile(t, s, id, claimOf("a", "s"))
	j := fileJob(t, s, id)
	for range 2 {
		must[store.Job](t)(s.CompleteFile(ctx, j.Token(), []byte("{}"), doneEvent(j), store.Finish{Action: store.FinishMove, To: "done/a", Outputs: []string{"a.srt"}}))
	}
	f := fin()
	equal(t, "plan", fmt.Sprint(f.Folder, f.Path, f.JobID, f.SHA256, f.Action, f.To, f.Outputs), fmt.Sprint(id, "a", j.ID, "s", "move", "done/a", []string{"a.srt"}))
	other := f
	other.SHA256 = "t"
	if err := s.FinishDone(ctx, other, store.FinishResult{Gone: true}); err != nil {
		t.Fatal(err)
	}
	fin() // the plan for another content is not this one
	for range 2 {
		if err := s.FinishDone(ctx, f, store.FinishResult{Gone: true, MovedTo: "done/a", Outputs: []string{"b"}, Reason: "moved"}); err != nil {
			t.Fatal(err)
		}
	}
	got := wantFile(t, s, id, "a", store.FileDone)
	equal(t, "finished file", fmt.Sprintf("%v %s %v %s", got.Gone, got.MovedTo, got.Outputs, got.Reason), "true done/a [a.srt b] moved")
	equal(t, "the same content again", claimFile(t, s, id, claimOf("a", "s")).Status, store.FileSkipped)

	two := makeFolder(t, s, "")
	claimFile(t, s, two, claimOf("f", "u"))
	j = fileJob(t, s, two)
	must[store.Job](t)(s.Fail(ctx, j.Token(), store.JobError{Code: "x", Message: "why"}, time.Time{}, failEvent(j)))
	equal(t, "reason", wantFile(t, s, two, "f", store.FileFailed).Reason, "why")
	var plans []string
	for _, f := range must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9)) {
		if f.Folder == two {
			plans = append(plans, f.Path+" "+f.Action+" "+f.Reason)
		}
	}
	equal(t, "plans for failed files", fmt.Sprint(plans), "[f decide why]")
}

func fileRetried(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	claimFile(t, s, id, claimOf("a", "s"))
	_, err := s.RetryFile(ctx, id, "a")
	wantError(t, "retry of an open file", err, api.Conflict)
	j := fileJob(t, s, id)
	must[store.Job](t)(s.Fail(ctx, j.Token(), store.JobError{Code: "x"}, time.Time{}, failEvent(j)))
	got := must[store.Job](t)(s.RetryFile(ctx, id, "a"))
	equal(t, "retried job", fmt.Sprint(got.ID, got.Status, got.Generation), fmt.Sprint(j.ID, api.Queued, 1))
	wantFile(t, s, id, "a", store.FileQueued)
	equal(t, "left to do", len(must[[]store.Finish](t)(s.PendingFinishes(ctx, nil, 9))), 0)
	if err := s.DropFile(ctx, id, "a"); err != nil {
		t.Fatal(err)
	}
	equal(t, "job of a dropped file", must[store.Job](t)(s.Job(ctx, j.ID)).Status, api.Cancelled)
	wantError(t, "second drop", s.DropFile(ctx, id, "a"), api.NotFound)
	equal(t, "claimed anew", claimFile(t, s, id, claimOf("a", "s")).Status, store.FileQueued)
}

func fileLists(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id := makeFolder(t, s, "")
	var claims []store.FileClaim
	var paths []string
	for i := range 450 { // more than one page or commit holds
		c := claimOf(fmt.Sprintf("%03d", i), fmt.Sprint("s", i))
		claims, paths = append(claims, c), append(paths, c.Path)
	}
	if err := s.IgnoreFiles(ctx, id, claims[:100]); err != nil {
		t.Fatal(err)
	}
	equal(t, "claimed", len(must[[]store.FileRecord](t)(s.ClaimFiles(ctx, id, claims))), 450)
	n := must[map[store.FileStatus]int](t)(s.CountFiles(ctx, id))
	equal(t, "counts", fmt.Sprint(n[store.FileIgnored], n[store.FileQueued], n[store.FileDone]), "100 350 0")
	got := must[map[string]store.FileRecord](t)(s.LookFiles(ctx, id, append(paths, "unknown")))
	equal(t, "looked up", len(got), 450)
	equal(t, "one of them", got["123"].SHA256, "s123")
	page := must[[]store.FileRecord](t)(s.Files(ctx, id, store.FileQueued, "110", 260))
	equal(t, "page", fmt.Sprintf("%d %s %s", len(page), page[0].Path, page[259].Path), "260 111 370")
	equal(t, "all", len(must[[]store.FileRecord](t)(s.Files(ctx, id, "", "", 999))), 450)
	_, err := s.File(ctx, id, "unknown")
	wantError(t, "unknown file", err, api.NotFound)
	none := store.NewID(api.FolderPrefix)
	_, err1 := s.LookFiles(ctx, none, paths)
	_, err2 := s.Files(ctx, none, "", "", 9)
	_, err3 := s.CountFiles(ctx, none)
	_, err4 := s.DropIgnored(ctx, none)
	for i, err := range []error{err1, err2, err3, err4, s.IgnoreFiles(ctx, none, claims[:1])} {
		if !errors.Is(err, api.NotFound) {
			t.Errorf("call %d for an unknown folder: got %v, want NotFound", i, err)
		}
	}
}

func filesIgnored(t *testing.T, b Backend) {
	s, ctx := b.open(t, store.Options{}), t.Context()
	id, other := makeFolder(t, s, ""), makeFolder(t, s, "")
	var claims []store.FileClaim
	for i := range 1100 { // more than two commits hold
		claims = append(claims, claimOf(fmt.Sprintf("%04d", i), fmt.Sprint("s", i)))
	}
	first := claimFile(t, s, id, claims[7])
	for _, folder := range []string{id, other} {
		if err := s.IgnoreFiles(ctx, folder, claims); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "dropped", must[int](t)(s.DropIgnored(ctx, id)), 1099)
	equal(t, "left", len(must[[]store.FileRecord](t)(s.Files(ctx, id, "", "", 9))), 1)
	equal(t, "ignored by the count", must[map[store.FileStatus]int](t)(s.CountFiles(ctx, id))[store.FileIgnored], 0)
	equal(t, "dropped the second time", must[int](t)(s.DropIgnored(ctx, id)), 0)
	equal(t, "one that was claimed", wantFile(t, s, id, claims[7].Path, store.FileQueued).JobID, first.JobID)
	claims[0].Job.ID = store.NewID(api.JobPrefix)
	equal(t, "claimed after all", claimFile(t, s, id, claims[0]).Status, store.FileQueued)
	equal(t, "ignored elsewhere", must[map[store.FileStatus]int](t)(s.CountFiles(ctx, other))[store.FileIgnored], 1100)
}
