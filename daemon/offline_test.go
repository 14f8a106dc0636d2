package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store/boltstore"
)

// echo is a recognizer that hears the same in every file.
type echo struct{}

func (echo) Transcribe(context.Context, engine.Request, engine.Model, func(api.Progress)) (*api.Result, error) {
	return &api.Result{DurationSeconds: 1, Language: "en", Text: "hello", Segments: []api.Segment{{End: 1, Text: "hello"}}}, nil
}

// running is a daemon whose home is dir.
type running struct {
	*daemon.Daemon
	cfg   *config.Config
	c     *client.Client
	ended chan error
}

// run starts a daemon, which stop ends, or the end of the test.
func run(t *testing.T, dir string, change func(*daemon.Options)) *running {
	t.Helper()
	opts := daemon.Options{Config: daemontest.Settings(t, dir), Version: "test", Transcriber: echo{}}
	if change != nil {
		change(&opts)
	}
	d, err := daemon.New(t.Context(), opts)
	if err != nil {
		t.Fatalf("start a daemon: %v", err)
	}
	r := &running{d, opts.Config, client.New(opts.Config.Socket), make(chan error, 1)}
	go func() { r.ended <- d.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() { r.stop(t) })
	daemontest.AwaitOpen(t, r.c)
	return r
}

func (r *running) stop(t *testing.T) {
	t.Helper()
	r.Stop()
	if err := <-r.ended; err != nil {
		t.Errorf("stop: got %v, want nil", err)
	}
	r.ended <- nil
	r.c.Close()
}

// transcribe submits a file and returns its job once it has completed.
func (r *running) transcribe(t *testing.T) api.Job {
	t.Helper()
	data := []byte("ID3\x00hello")
	acc, err := r.c.Submit(t.Context(), client.Upload{Name: "call.mp3", Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	job, err := r.c.WaitJob(t.Context(), acc.JobID, nil)
	if err != nil || job.Status != api.Completed {
		t.Fatalf("got %s, %v, want a completed job", job.Status, err)
	}
	return job
}

func (r *running) database() string { return filepath.Join(r.cfg.DataDir, datadir.DatabaseFile) }

func TestDatabaseWithoutADaemon_isCheckedCompactedAndRepaired(t *testing.T) {
	r := run(t, daemontest.ShortDir(t), nil)
	r.transcribe(t)
	r.stop(t)
	if err := datadir.Check(r.database()); err != nil {
		t.Errorf("check: got %v, want nil", err)
	}
	before, after, err := datadir.Compact(r.database())
	if st, statErr := os.Stat(r.database()); err != nil || statErr != nil || after > before || after != st.Size() {
		t.Errorf("compact: got %d → %d bytes, %v, want no more than before and the size of the file, %v", before, after, err, st)
	}
	repaired, err := datadir.Repair(t.Context(), r.database())
	if err != nil || repaired.Kept["job"] != 1 || len(repaired.Dropped) != 0 {
		t.Errorf("repair: got %+v, %v, want one job kept and nothing dropped", repaired, err)
	}
}

func TestDatabaseOfARunningDaemon_isLeftAlone(t *testing.T) {
	r := run(t, daemontest.ShortDir(t), nil)
	r.transcribe(t)
	_, _, compact := datadir.Compact(r.database())
	_, repair := datadir.Repair(t.Context(), r.database())
	for what, err := range map[string]error{
		"check": datadir.Check(r.database()), "compact": compact, "repair": repair,
		"backup": datadir.Backup(t.Context(), r.cfg.DataDir, "test", "", io.Discard),
		"restore": func() error {
			_, err := datadir.Restore(t.Context(), r.cfg.DataDir, strings.NewReader(""), datadir.RestoreOptions{})
			return err
		}(),
	} {
		if !errors.Is(err, api.Conflict) {
			t.Errorf("%s: got %v, want a conflict", what, err)
		}
	}
}

func TestMissingDatabase_isToldOnlyWhereThereWasOne(t *testing.T) {
	r := run(t, daemontest.ShortDir(t), nil)
	r.transcribe(t)
	r.stop(t)
	if err := datadir.Missing(t.TempDir()); err != nil {
		t.Errorf("got %v before the first start, want nil", err)
	}
	if err := os.Remove(r.database()); err != nil {
		t.Fatal(err)
	}
	if err := datadir.Missing(r.cfg.DataDir); err == nil {
		t.Error("got nil without the database, want an error")
	}
	for _, name := range []string{"vault.key", "vault.keyring", "spool"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := datadir.Missing(dir); err == nil {
			t.Errorf("got nil beside %s, want an error", name)
		}
	}
}

// killed is a home with what a killed daemon leaves behind: its files as they
// were while it ran.
func killed(t *testing.T) string {
	t.Helper()
	r := run(t, daemontest.ShortDir(t), nil)
	r.transcribe(t)
	dir := daemontest.ShortDir(t)
	to := daemontest.Settings(t, dir).DataDir
	if err := os.CopyFS(to, os.DirFS(r.cfg.DataDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "vault.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDatabaseOfAKilledDaemon_isCheckedBeforeTheStart(t *testing.T) {
	dir := killed(t)
	damaged := errors.New("page 7 is torn")
	var asked []string
	opts := daemon.Options{Config: daemontest.Settings(t, dir), Transcriber: echo{}, Check: func(_ context.Context, path string) error {
		asked = append(asked, path)
		return damaged
	}}
	if _, err := daemon.New(t.Context(), opts); !errors.Is(err, damaged) {
		t.Errorf("got %v, want the start refused with what the check found", err)
	}
	r := run(t, dir, func(o *daemon.Options) {
		o.Check = func(_ context.Context, path string) error {
			asked = append(asked, path)
			return nil
		}
	})
	if len(asked) != 2 || asked[0] != r.database() || asked[1] != r.database() {
		t.Errorf("got checks of %q, want two of %s", asked, r.database())
	}
	r.stop(t)
	run(t, dir, func(o *daemon.Options) {
		o.Check = func(context.Context, string) error { t.Error("got a check after a clean stop, want none"); return nil }
	})
}

func TestCheckStart_saysWhatNewWouldRefuse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for name, tt := range map[string]struct {
		change func(*config.Config)
		serves string // by the daemon that runs
		want   string // in the error; "" for none
	}{
		"as it is":           {func(c *config.Config) { c.Engine = os.Args[0] }, "", ""},
		"no worker program":  {func(c *config.Config) { c.Engine = "/nowhere/engine" }, "", "engine: "},
		"worker not beside":  {func(*config.Config) {}, "", "voxparse-engine"},
		"long socket path":   {func(c *config.Config) { c.Socket = filepath.Join(filepath.Dir(c.Socket), strings.Repeat("s", 120)) }, "", "at most"},
		"address in use":     {func(c *config.Config) { c.Engine, c.Listen = os.Args[0], address }, "", "in use"},
		"address of our own": {func(c *config.Config) { c.Engine, c.Listen = os.Args[0], address }, address, ""},
		"a free address":     {func(c *config.Config) { c.Engine, c.Listen = os.Args[0], "127.0.0.1:0" }, "", ""},
		"beyond loopback":    {func(c *config.Config) { c.Engine, c.Listen = os.Args[0], "0.0.0.0:0" }, "", "key"},
		"data in a file":     {func(c *config.Config) { c.DataDir = filepath.Join(os.Args[0], "data") }, "", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := daemontest.Settings(t, daemontest.ShortDir(t))
			tt.change(cfg)
			err := daemon.CheckStart(t.Context(), cfg, tt.serves)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestOpenToNetwork_isSaidOfPlainHTTPBeyondTheMachine(t *testing.T) {
	cfg := daemontest.Settings(t, daemontest.ShortDir(t))
	for listen, want := range map[string]bool{"": false, "127.0.0.1:7718": false, "0.0.0.0:7718": true} {
		cfg.Listen, cfg.InsecureHTTP = listen, true
		if got := daemon.OpenToNetwork(cfg); (got != "") != want || want && !strings.Contains(got, "tls_cert") {
			t.Errorf("listen %q: got %q, want words and what to do: %v", listen, got, want)
		}
	}
}

func TestServiceManager_hearsOfReadinessWatchdogAndStop(t *testing.T) {
	dir := daemontest.ShortDir(t)
	path := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "200000")
	told := make(chan string, 1000) // the daemon must not wait for this test
	go func() {
		for buf := make([]byte, 4096); ; {
			n, err := manager.Read(buf)
			if err != nil {
				return
			}
			told <- string(buf[:n])
		}
	}()
	r := run(t, dir, nil)
	heard := func(want string) {
		t.Helper()
		for limit := time.After(30 * time.Second); ; {
			select {
			case line := <-told:
				if strings.Contains(line, want) {
					return
				}
			case <-limit:
				t.Fatalf("the manager did not hear %s within 30 s", want)
			}
		}
	}
	heard("READY=1")
	heard("STATUS=0 running, 0 waiting")
	heard("WATCHDOG=1")
	heard("WATCHDOG=1") // again and again
	r.Stop()
	heard("STOPPING=1")
	r.stop(t)
}

// A start after a crash checks the database, which may take long: until then the
// daemon says so in place of being unreachable.
func TestStart_answersWhileTheDatabaseIsChecked(t *testing.T) {
	dir := killed(t)
	checking, proceed := make(chan struct{}), make(chan struct{})
	cfg := daemontest.Settings(t, dir)
	cfg.Listen = "127.0.0.1:0"
	opts := daemon.Options{Config: cfg, Version: "test", Transcriber: echo{}, Check: func(ctx context.Context, _ string) error {
		close(checking)
		select {
		case <-proceed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
	made := make(chan *daemon.Daemon)
	go func() {
		d, err := daemon.New(context.WithoutCancel(t.Context()), opts)
		if err != nil {
			t.Errorf("start a daemon: %v", err)
		}
		made <- d
	}()
	<-checking
	c := client.New(cfg.Socket)
	if h, err := c.Alive(t.Context()); err != nil || h.Status != api.HealthStarting || h.Version != "test" {
		t.Errorf("livez: got %+v, %v, want that the daemon starts", h, err)
	}
	var refused *api.Error
	if _, err := c.Health(t.Context()); !errors.Is(err, api.Unavailable) {
		t.Errorf("health: got %v, want 503", err)
	}
	if _, err := c.Jobs(t.Context(), client.JobQuery{}); !errors.As(err, &refused) || refused.Code != api.Unavailable || refused.RetryAfter <= 0 || !strings.Contains(refused.Message, "starting") {
		t.Errorf("jobs: got %+v, want 503 with when to ask again", err)
	}
	data := bytes.Repeat([]byte("ID3\x00"), 100_000)
	if _, err := c.Submit(t.Context(), client.Upload{Name: "call.mp3", Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}); !errors.Is(err, api.Unavailable) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("upload: got %v, want it refused for now", err)
	}
	close(proceed)
	d := <-made
	r := &running{d, cfg, c, make(chan error, 1)}
	go func() { r.ended <- d.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() { r.stop(t) })
	daemontest.AwaitOpen(t, c)
	r.transcribe(t)
	if h, err := c.Alive(t.Context()); err != nil || h.Status != api.HealthOK {
		t.Errorf("livez: got %+v, %v, want that all is well", h, err)
	}
}

func TestStart_thatIsInterruptedLeavesNothingBehind(t *testing.T) {
	dir := killed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cfg := daemontest.Settings(t, dir)
	_, err := daemon.New(ctx, daemon.Options{Config: cfg, Transcriber: echo{}, Check: func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the start was interrupted", err)
	}
	if _, err := os.Lstat(cfg.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for the socket, want that it is gone", err)
	}
	run(t, dir, nil).transcribe(t) // the lock and the database are free
}

// TestOpenStore_waitsForWhatAKilledDaemonLeft: a process that has the database for
// a moment is waited for, one that keeps it is named as such.
func TestOpenStore_waitsForWhatAKilledDaemonLeft(t *testing.T) {
	dir := t.TempDir()
	other, err := boltstore.Open(t.Context(), dir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.OpenStore(t.Context(), dir, boltstore.Config{}); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v from one that is kept, want %v", err, api.Conflict)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := datadir.OpenStore(ctx, dir, boltstore.Config{}); !errors.Is(err, stopped) {
		t.Errorf("got %v once nobody waits any more, want %v", err, stopped)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := datadir.OpenStore(t.Context(), dir, boltstore.Config{})
	if err != nil {
		t.Fatalf("got %v from one that is let go, want the store", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
