package httpapi_test

import (
	"context"
	"errors"
	"sync"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

// nobody transcribes nothing: the runner of these tests does not run.
type nobody struct{ engine.Transcriber }

// plain keeps secrets as they are.
type plain struct{}

func (plain) Lost([]byte) (bool, error) { return false, nil }

func (plain) Seal(secret []byte, _ string) ([]byte, error) { return secret, nil }

// locked cannot read the keys now.
type locked struct{ plain }

func (locked) Lost([]byte) (bool, error) { return false, errors.New("the keyring is locked") }

// idle is a dispatcher that has claimed nothing.
type idle struct{}

func (idle) Drop(string) {}

// fakeLeases say what is done with the leases of temporary webhooks.
type fakeLeases struct{ made, taken, returned chan string }

func newFakeLeases() *fakeLeases {
	return &fakeLeases{make(chan string, 10), make(chan string, 10), make(chan string, 10)}
}

func (l *fakeLeases) Made()                               { l.made <- "" }
func (l *fakeLeases) Take(id string)                      { l.taken <- id }
func (l *fakeLeases) Return(_ context.Context, id string) { l.returned <- id }

// fakeDoctor remembers whether it was asked to probe.
type fakeDoctor struct{ probed bool }

func (d *fakeDoctor) Examine(_ context.Context, probe bool) []api.Finding {
	d.probed = d.probed || probe
	return []api.Finding{{ID: "clock", Level: api.LevelOK, Message: "The clock is right."}}
}

// brokenSearch is a search whose index is far behind.
type brokenSearch struct{ err error }

func (s brokenSearch) Search(context.Context, api.SearchRequest) ([]api.SearchHit, error) {
	return nil, s.err
}
func (brokenSearch) Delete(context.Context, string) {}

// fakeFolders are folders that nobody watches.
type fakeFolders struct {
	mu  sync.Mutex
	all map[string]api.Folder
}

func newFakeFolders() *fakeFolders { return &fakeFolders{all: map[string]api.Folder{}} }

func (fs *fakeFolders) Views(context.Context) ([]api.Folder, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := []api.Folder{}
	for _, f := range fs.all {
		out = append(out, f)
	}
	return out, nil
}

func (fs *fakeFolders) View(_ context.Context, id string) (api.Folder, error) {
	return fs.change(id, func(f api.Folder) (api.Folder, error) { return f, nil })
}

func (fs *fakeFolders) Explain(_ context.Context, path string) (api.FolderFile, error) {
	if path == "" {
		return api.FolderFile{}, api.Errorf(api.Invalid, "path: missing")
	}
	return api.FolderFile{Path: path, Status: "ignored", Reason: "in no drop folder"}, nil
}

func (fs *fakeFolders) Add(_ context.Context, req api.FolderRequest) (api.Folder, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := api.Folder{ID: store.NewID(api.FolderPrefix), Dir: req.Dir, Options: req.Options, Status: "watching", Counts: map[string]int{}}
	fs.all[f.ID] = f
	return f, nil
}

func (fs *fakeFolders) Change(_ context.Context, id string, change func(api.FolderOptions) (api.FolderOptions, error)) (api.Folder, error) {
	return fs.change(id, func(f api.Folder) (_ api.Folder, err error) {
		f.Options, err = change(f.Options)
		return f, err
	})
}

func (fs *fakeFolders) SetPaused(_ context.Context, id string, paused bool) (api.Folder, error) {
	return fs.change(id, func(f api.Folder) (api.Folder, error) {
		f.Options.Paused = paused
		return f, nil
	})
}

func (fs *fakeFolders) TakeExisting(ctx context.Context, id string) (api.Folder, error) {
	return fs.View(ctx, id)
}

func (fs *fakeFolders) Rescan(ctx context.Context, id string) (api.Folder, error) {
	return fs.View(ctx, id)
}

func (fs *fakeFolders) Remove(ctx context.Context, id string) error {
	if _, err := fs.View(ctx, id); err != nil {
		return err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, id)
	return nil
}

func (fs *fakeFolders) change(id string, change func(api.Folder) (api.Folder, error)) (api.Folder, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, ok := fs.all[id]
	if !ok {
		return f, api.Errorf(api.NotFound, "there is no watched folder %s", id)
	}
	f, err := change(f)
	if err == nil {
		fs.all[id] = f
	}
	return f, err
}
