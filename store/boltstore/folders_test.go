package boltstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func TestManyFilesAreClaimedAndListed(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	ctx := t.Context()
	var cs []store.FileClaim
	for i := range 2*store.MaxFileClaims + 3 {
		cs = append(cs, d.newFile(fmt.Sprintf("f%05d", i), fmt.Sprint(i)))
	}
	got := d.claim(0, cs...)
	if len(got) != len(cs) || got[700].Path != "f00700" {
		t.Fatalf("claims: got %d, want %d in order", len(got), len(cs))
	}
	for i := range 5 {
		if _, err := d.Cancel(ctx, got[i*3].JobID, 0); err != nil {
			t.Fatal(err)
		}
	}
	for status, want := range map[store.FileStatus]int{"": len(cs), store.FileQueued: len(cs) - 5, store.FileCancelled: 5, store.FileDone: 0} {
		seen := 0
		for after := ""; ; {
			fs, err := d.Files(ctx, d.folders[0], status, after, 90)
			if err != nil {
				t.Fatal(err)
			}
			if len(fs) == 0 {
				break
			}
			seen, after = seen+len(fs), fs[len(fs)-1].Path
		}
		if seen != want {
			t.Errorf("files %q: got %d over the pages, want %d", status, seen, want)
		}
	}
	if _, err := d.Files(ctx, d.folders[0], "x", "", 1); !errors.Is(err, api.Invalid) {
		t.Errorf("files of an unknown status: got %v, want Invalid", err)
	}
	if err := d.DeleteFolder(ctx, d.folders[0]); err != nil {
		t.Fatal(err)
	}
	if n, err := d.CountJobs(ctx); err != nil || n[api.Queued] != 0 {
		t.Errorf("queued jobs of a deleted folder: got %d, error %v, want none", n[api.Queued], err)
	}
	if _, err := d.File(ctx, d.folders[0], "f00001"); !errors.Is(err, api.NotFound) {
		t.Errorf("file of a deleted folder: got %v, want NotFound", err)
	}
}

func TestFoldersAreKeptAndChanged(t *testing.T) {
	d := newDrop(t, api.FolderOptions{Formats: []string{"srt"}}, api.FolderOptions{})
	ctx := t.Context()
	f, err := d.Folder(ctx, d.folders[0])
	if err != nil || f.Dir != "/in/0\xff" || !slices.Equal(f.Options.Formats, []string{"srt"}) {
		t.Errorf("folder: got %+v, error %v", f, err)
	}
	if _, err := d.CreateFolder(ctx, store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: f.Dir}); !errors.Is(err, api.Conflict) {
		t.Errorf("second folder of one dir: got %v, want Conflict", err)
	}
	if _, err := d.UpdateFolder(ctx, d.folders[1], func(n *store.FolderRecord) error { n.Dir = f.Dir; return nil }); !errors.Is(err, api.Conflict) {
		t.Errorf("move to a watched dir: got %v, want Conflict", err)
	}
	got, err := d.UpdateFolder(ctx, f.ID, func(n *store.FolderRecord) error { n.Options.Paused, n.Marker = true, "m"; return nil })
	if err != nil || !got.Options.Paused || got.Marker != "m" || got.Revision != f.Revision+1 {
		t.Errorf("changed folder: got %+v, error %v", got, err)
	}
	if all, err := d.Folders(ctx); err != nil || len(all) != 2 {
		t.Errorf("folders: got %d, error %v, want 2", len(all), err)
	}
	if err := d.DeleteFolder(ctx, f.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := d.Folders(ctx); err != nil || len(all) != 1 {
		t.Errorf("folders after a deletion: got %d, error %v, want 1", len(all), err)
	}
}
