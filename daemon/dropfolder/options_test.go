package dropfolder_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// everything takes any options.
type everything struct{}

func (everything) Check(api.Options) error     { return nil }
func (everything) MaxAttempts(api.Options) int { return 0 }

// askForEverything returns options of a folder of which each that a job has is
// set, and which those are.
func askForEverything(t *testing.T) (want api.FolderOptions, set []api.Option) {
	t.Helper()
	want.Settle = "50ms"
	for _, o := range api.OptionsOn(api.OnFolder) {
		if o.Get(&api.Options{}) == nil {
			continue // of the folder itself
		}
		value := "en"
		switch {
		case o.Kind == api.KindBool:
			value = "true"
		case len(o.Words) > 0:
			value = o.Words[len(o.Words)-1]
		case len(o.Examples) > 0:
			value = o.Examples[len(o.Examples)-1]
		}
		if err := o.Set(&want, value); err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		set = append(set, o)
	}
	return want, set
}

// TestFolders_aFolderAsksForEverythingThatAJobCan sets every option of a job
// on a folder and finds it on the job of a file that is dropped there.
func TestFolders_aFolderAsksForEverythingThatAJobCan(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	db, err := boltstore.Open(t.Context(), home, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want, set := askForEverything(t)
	ctx, cancel := context.WithCancel(t.Context())
	folders := dropfolder.New(dropfolder.Config{Store: db, Catalog: everything{}, DataDir: home, Accepting: func() error { return nil },
		View: func(store.Job) api.Job { return api.Job{} }, Wake: func() {}, Recheck: func(context.Context) {}, Logger: slog.New(slog.DiscardHandler)})
	if err := folders.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer folders.Wait()
	defer cancel()
	if _, err := folders.Add(ctx, api.FolderRequest{Dir: dir, Options: want}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "call.mp3"), []byte("ID3\x00audio"), 0o600); err != nil {
		t.Fatal(err)
	}
	var page []store.Job
	for late := time.After(20 * time.Second); len(page) == 0; {
		select {
		case <-db.JobsReady():
		case <-late:
			t.Fatal("no job came of the dropped file within 20 s")
		}
		if page, err = db.JobsPage(ctx, store.JobFilter{}, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range set {
		if got, want := o.Get(&page[0].Options), o.Get(&want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v on the job, want %v", o.Name, got, want)
		}
	}
	if len(set) != reflect.TypeFor[api.Options]().NumField() {
		t.Errorf("got %d options set, want one for each field of a job's", len(set))
	}
}
