package doctor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/store"
)

// daemon is a running one, as far as a doctor asks it.
type daemon struct {
	cfg       *config.Config
	hooks     []store.Webhook
	views     []api.Folder
	unwatched []api.Problem
	troubles  []api.Problem
	missing   []api.Problem
	broken    error // of every list
	alive     error
	probe     doctor.Probe
	probed    []string
}

func (d *daemon) Webhooks(context.Context) ([]store.Webhook, error) { return d.hooks, d.broken }
func (d *daemon) Watched() []config.Folder                          { return d.cfg.Folders }
func (d *daemon) Views(context.Context) ([]api.Folder, error)       { return d.views, d.broken }
func (d *daemon) Unwatched() []api.Problem                          { return d.unwatched }
func (d *daemon) Troubles() []api.Problem                           { return d.troubles }

// idle is a daemon without engine, folders and webhooks.
func idle(t *testing.T) *daemon {
	cfg := daemontest.Settings(t, daemontest.ShortDir(t))
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &daemon{cfg: cfg}
}

func (d *daemon) doctor() *doctor.Doctor {
	return doctor.New(doctor.Config{
		Settings: d.cfg, Version: "test", Engine: "/nowhere/voxparse-engine", NoEngine: true, Models: models.Open(d.cfg.ModelsDir, models.Options{}),
		Started: time.Now(), Webhooks: d, Folders: d,
		Probe: func(_ context.Context, h store.Webhook, _ time.Duration) doctor.Probe {
			d.probed = append(d.probed, h.ID)
			return d.probe
		},
		Alive:   func(context.Context, time.Duration) error { return d.alive },
		Missing: func() []api.Problem { return d.missing },
	})
}

// faults are what is found wrong, but for the clock of the machine that runs
// the test.
func (d *daemon) faults(t *testing.T, probe bool) []api.Finding {
	t.Helper()
	var out []api.Finding
	for _, f := range faults(d.doctor().Examine(t.Context(), probe)) {
		if f.ID != "clock" || strings.Contains(f.Message, "differ") {
			out = append(out, f)
		}
	}
	return out
}

func TestExamine_findsNoFaultInAnIdleDaemon(t *testing.T) {
	d := idle(t)
	got := d.doctor().Examine(t.Context(), true)
	for _, f := range faults(got) {
		if f.ID != "clock" { // of the machine that runs the test
			t.Errorf("got %+v, want no fault", f)
		}
	}
	ids := map[string]bool{}
	for _, f := range got {
		ids[f.ID] = true
	}
	for _, id := range []string{"config", "database", "data_folder", "socket", "clock_jump", "keyring"} {
		if !ids[id] {
			t.Errorf("got no finding %s in %+v", id, got)
		}
	}
	if ids["engine"] {
		t.Error("got a finding about the engine, which is not used")
	}
}

func TestExamine_namesWhatIsWrong(t *testing.T) {
	problem := func(code string) []api.Problem {
		return []api.Problem{{Code: code, Message: "it is away", Fix: "bring it back"}}
	}
	hook := store.Webhook{ID: "whk_1", URL: "https://example.com/secret", Active: true}
	failing, disabled, off := hook, hook, hook
	failing.ConsecutiveFailures = 3
	disabled.Active, disabled.DisabledReason = false, "gone"
	off.Active, off.DisabledReason = false, api.DisabledByUser
	view := func(status string, counts map[string]int) []api.Folder {
		return []api.Folder{{ID: "wch_1", Dir: "/calls", Status: status, Reason: "its volume is away", Counts: counts}}
	}
	for _, tt := range []struct {
		name      string
		change    func(*daemon)
		probe     bool
		id, level string // "" for no fault
		says, fix string
	}{
		{"the store does not answer", func(d *daemon) { d.alive = errors.New("the store hangs") }, false, "database", api.LevelError, "the store hangs", "voxparse daemon restart"},
		{"a model cannot be had", func(d *daemon) { d.missing = problem(api.JobModelMissing) }, false, api.JobModelMissing, api.LevelError, "it is away", "bring it back"},
		{"a folder is offline", func(d *daemon) { d.views = view("offline", nil) }, false, "folder", api.LevelError, "/calls is offline: its volume is away", "voxparse watch show wch_1"},
		{"a folder is paused", func(d *daemon) { d.views = view("paused", nil) }, false, "folder", api.LevelWarn, "/calls is paused", "voxparse watch resume wch_1"},
		{"files of a folder are blocked", func(d *daemon) { d.views = view("watching", map[string]int{"blocked": 2}) }, false, "folder", api.LevelError, "2 files in /calls are blocked", "voxparse watch show wch_1"},
		{"files of a folder failed", func(d *daemon) { d.views = view("watching", map[string]int{"failed": 2}) }, false, "folder", api.LevelWarn, "2 files of /calls failed", ".error.json"},
		{"one file of a folder failed", func(d *daemon) { d.views = view("watching", map[string]int{"failed": 1}) }, false, "folder", api.LevelWarn, "1 file of /calls failed", ".error.json"},
		{"a folder gets on", func(d *daemon) { d.views = view("watching", nil) }, false, "", "", "", ""},
		{"a folder is not watched", func(d *daemon) { d.unwatched = problem("folder_conflict") }, false, "folder", api.LevelError, "it is away", "bring it back"},
		{"transcripts cannot be written", func(d *daemon) { d.troubles = problem("no_space") }, false, "folder", api.LevelError, "it is away", "bring it back"},
		{"trouble that the folder's status tells", func(d *daemon) { d.troubles = problem("folder_offline") }, false, "", "", "", ""},
		{"a webhook fails", func(d *daemon) { d.hooks = []store.Webhook{failing} }, false, "webhook", api.LevelWarn, "keeps failing (3 in a row)", "voxparse webhooks deliveries whk_1"},
		{"a webhook was disabled", func(d *daemon) { d.hooks = []store.Webhook{disabled} }, false, "webhook", api.LevelError, "was disabled: gone", "voxparse webhooks enable whk_1"},
		{"a webhook was disabled by its user", func(d *daemon) { d.hooks = []store.Webhook{off} }, false, "", "", "", ""},
		{"a receiver cannot be reached", func(d *daemon) { d.hooks, d.probe.Error = []store.Webhook{hook}, "refused" }, true, "webhook", api.LevelError, "example.com) cannot be reached: refused", "voxparse webhooks test whk_1"},
		{"a receiver is there", func(d *daemon) { d.hooks, d.probe = []store.Webhook{hook}, doctor.Probe{Status: 200, Date: time.Now()} }, true, "", "", "", ""},
		{"a receiver has another time", func(d *daemon) {
			d.hooks, d.probe = []store.Webhook{hook}, doctor.Probe{Status: 200, Date: time.Now().Add(-time.Hour)}
		}, true, "clock", api.LevelWarn, "example.com differ by 1h0m", "set-ntp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := idle(t)
			tt.change(d)
			got := d.faults(t, tt.probe)
			if tt.id == "" {
				if len(got) > 0 {
					t.Errorf("got %+v, want no fault", got)
				}
				return
			}
			if len(got) != 1 || got[0].ID != tt.id || got[0].Level != tt.level || !strings.Contains(got[0].Message, tt.says) || !strings.Contains(got[0].Fix, tt.fix) {
				t.Errorf("got %+v, want one %s %s that says %q with the fix %q", got, tt.level, tt.id, tt.says, tt.fix)
			}
			if strings.Contains(got[0].Message, "secret") {
				t.Errorf("got %q, want nothing of the URL but its host", got[0].Message)
			}
		})
	}
}

func TestExamine_asksReceiversOnlyForAProbe(t *testing.T) {
	d := idle(t)
	d.hooks = []store.Webhook{{ID: "whk_1", URL: "https://example.com/", Active: true}}
	d.doctor().Examine(t.Context(), false)
	if len(d.probed) > 0 {
		t.Errorf("got requests to %v without a probe, want none", d.probed)
	}
	d.doctor().Examine(t.Context(), true)
	if len(d.probed) != 1 {
		t.Errorf("got requests to %v for a probe, want one to whk_1", d.probed)
	}
}

func TestExamine_saysThatTheStoreCannotBeRead(t *testing.T) {
	d := idle(t)
	d.broken = errors.New("closed")
	ids := ""
	for _, f := range faults(d.doctor().Examine(t.Context(), false)) {
		if strings.Contains(f.Message, "cannot be listed: closed") {
			ids += f.ID + " "
		}
	}
	if ids != "folder webhook " {
		t.Errorf("got faults of %q, want folder and webhook", ids)
	}
}

func TestExamine_comparesTheConfigFileWithTheStart(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		changed    time.Time
		level      string
	}{
		{"as at the start", "model = \"moonshine-base\"\n", time.Now().Add(-time.Hour), api.LevelOK},
		{"changed since", "model = \"moonshine-base\"\n", time.Now().Add(time.Hour), api.LevelWarn},
		{"with a mistake", "modle = 1\n", time.Now().Add(-time.Hour), api.LevelError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := idle(t)
			if err := os.MkdirAll(filepath.Dir(d.cfg.ConfigFile), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, d.cfg.ConfigFile, tt.text)
			if err := os.Chtimes(d.cfg.ConfigFile, tt.changed, tt.changed); err != nil {
				t.Fatal(err)
			}
			for _, f := range d.doctor().Examine(t.Context(), false) {
				if f.ID == "config" && f.Level != tt.level {
					t.Errorf("got %+v, want %s", f, tt.level)
				}
			}
		})
	}
}
