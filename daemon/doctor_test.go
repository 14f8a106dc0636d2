package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
	"github.com/voxparse/voxparse/models"
	"github.com/voxparse/voxparse/models/modelstest"
)

// healthy is a home in which doctor finds no fault, with a worker that only
// says hello.
func healthy(t *testing.T) *config.Config {
	t.Helper()
	cfg := testConfig(t, shortDir(t))
	cfg.ModelsDir = modelstest.Dir(t)
	cfg.Engine = script(t, worker("test", 1))
	for _, dir := range []string{cfg.DataDir, filepath.Dir(cfg.Socket), filepath.Join(cfg.CacheDir, "decoder")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(cfg.CacheDir, "decoder", "compiled"), strings.Repeat("x", 1<<20))
	write(t, filepath.Join(cfg.DataDir, "vault.key"), "key")
	return cfg
}

// worker is a program that stands in the engine's place.
func worker(version string, protocol int) string {
	return fmt.Sprintf("[ \"$1\" = version ] && echo %s && exit\necho '{\"type\":\"hello\",\"protocol\":%d}'\ncat >/dev/null\n", version, protocol)
}

func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// faults are the findings that are not fine.
func faults(findings []api.Finding) []api.Finding {
	var out []api.Finding
	for _, f := range findings {
		if f.Level != api.LevelOK {
			out = append(out, f)
		}
	}
	return out
}

// examined returns what doctor finds without a daemon, but for what a machine
// that runs tests may well have: no time server.
func examined(t *testing.T, cfg *config.Config) []api.Finding {
	t.Helper()
	var out []api.Finding
	for _, f := range faults(Examine(t.Context(), cfg, "test", false)) {
		if f.ID != "clock" {
			out = append(out, f)
		}
	}
	return out
}

func TestDoctorFindsNothingInAHealthyHome(t *testing.T) {
	if got := examined(t, healthy(t)); len(got) > 0 {
		t.Errorf("got %+v, want no faults", got)
	}
}

// Each of these is broken for real, found, and mended by the command that the
// finding gives.
func TestDoctorsCuresMend(t *testing.T) {
	for _, tt := range []struct {
		name, id, says string
		damage         func(*testing.T, *config.Config)
	}{
		{"the data folder is open to others", "data_folder", "others may use", func(t *testing.T, c *config.Config) { chmod(t, c.DataDir, 0o755) }},
		{"the data folder is a file", "data_folder", "is not a folder", func(t *testing.T, c *config.Config) {
			if err := os.RemoveAll(c.DataDir); err != nil {
				t.Fatal(err)
			}
			write(t, c.DataDir, "x")
		}},
		{"the key is open to others", "private_files", "vault.key", func(t *testing.T, c *config.Config) { chmod(t, filepath.Join(c.DataDir, "vault.key"), 0o644) }},
		{"the socket's folder is open to others", "socket", "others may use", func(t *testing.T, c *config.Config) { chmod(t, filepath.Dir(c.Socket), 0o777) }},
		{"a file lies in the socket's place", "socket", "is not a socket", func(t *testing.T, c *config.Config) { write(t, c.Socket, "x") }},
		{"the decoder is open to others", "decoder_cache", "others may use", func(t *testing.T, c *config.Config) { chmod(t, filepath.Join(c.CacheDir, "decoder"), 0o755) }},
		{"a drop folder is gone", "folder_access", "cannot be read", func(t *testing.T, c *config.Config) {
			c.Folders = append(c.Folders, config.Folder{Dir: filepath.Join(c.DataDir, "..", "it's gone")})
		}},
		{"a drop folder's output has no place", "folder_access", "transcripts cannot be written", func(t *testing.T, c *config.Config) {
			write(t, filepath.Join(c.DataDir, "..", "out"), "in the way")
			c.Folders = append(c.Folders, config.Folder{Dir: shortDir(t), FolderOptions: api.FolderOptions{Out: filepath.Join(c.DataDir, "..", "out")}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := healthy(t)
			tt.damage(t, cfg)
			got := examined(t, cfg)
			if len(got) != 1 || got[0].ID != tt.id || got[0].Level != api.LevelError || !strings.Contains(got[0].Message, tt.says) {
				t.Fatalf("got %+v, want one error %s that says %q", got, tt.id, tt.says)
			}
			cure, _, _ := strings.Cut(got[0].Cure, ", or ")
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", cure).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", cure, err, out)
			}
			if left := examined(t, cfg); len(left) > 0 {
				t.Errorf("got %+v after %s, want it mended", left, cure)
			}
		})
	}
}

func TestDoctorTriesTheEngine(t *testing.T) {
	for _, tt := range []struct {
		name, engine string
		level, says  string
	}{
		{"missing", "/nowhere/voxparse-engine", api.LevelError, "no such file"},
		{"one that cannot start", script(t, "echo a library is missing >&2; exit 127\n"), api.LevelError, "a library is missing"},
		{"one that says nothing", script(t, "[ \"$1\" = version ] && echo test\nexit 0\n"), api.LevelError, "said nothing"},
		{"one that says something else", script(t, "echo hi\n"), api.LevelError, "does not work"},
		{"one of another protocol", script(t, worker("test", 99)), api.LevelError, "protocol 99"},
		{"one of another release", script(t, worker("v9", 1)), api.LevelWarn, "version v9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := healthy(t)
			cfg.Engine = tt.engine
			got := examined(t, cfg)
			if len(got) != 1 || got[0].ID != "engine" || got[0].Level != tt.level || !strings.Contains(got[0].Message, tt.says) || !strings.Contains(got[0].Cure, "install") {
				t.Errorf("got %+v, want one %s about the engine that says %q, and how to install it", got, tt.level, tt.says)
			}
		})
	}
}

func TestDoctorHashesTheModel(t *testing.T) {
	cfg := healthy(t)
	mirror := cfg.ModelsDir
	cfg.ModelsDir = filepath.Join(shortDir(t), "models")
	got := examined(t, cfg)
	if len(got) != 1 || got[0].Level != api.LevelWarn || got[0].Cure != "voxparse models pull moonshine-tiny" {
		t.Errorf("got %+v for a model that is not here, want a warning and how to fetch it", got)
	}
	cfg.ModelMirror = mirror
	store := models.Open(cfg.ModelsDir, models.Options{Mirror: mirror})
	if err := store.Pull(t.Context(), models.Default, nil); err != nil {
		t.Fatal(err)
	}
	files, err := store.Files(models.Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files { // one bit of one file, at the same size and time
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chtimes(path, st.ModTime(), st.ModTime())); err != nil {
			t.Fatal(err)
		}
		break
	}
	got = examined(t, cfg)
	if len(got) != 1 || got[0].ID != "models" || got[0].Level != api.LevelError || got[0].Cure != "voxparse models pull moonshine-tiny" {
		t.Fatalf("got %+v for a damaged model, want an error and how to fetch it again", got)
	}
	if err := store.Pull(t.Context(), models.Default, nil); err != nil { // as the command does
		t.Fatal(err)
	}
	if got := examined(t, cfg); len(got) > 0 {
		t.Errorf("got %+v after the pull, want it mended", got)
	}
}

func TestDoctorReadsTheClock(t *testing.T) {
	x := &doctor{now: time.Date(1970, 1, 1, 3, 0, 0, 0, time.UTC)}
	if got := x.clockSanity(t.Context()); len(got) != 1 || got[0].Level != api.LevelError || !strings.Contains(got[0].Cure, "set-ntp") {
		t.Errorf("got %+v for a clock in 1970, want an error and how to set it", got)
	}
	m := markClock()
	m.wall = m.wall.Add(-time.Hour) // as if it was set forward meanwhile
	if off := m.drift(markClock()); off < 59*time.Minute || off > 61*time.Minute {
		t.Errorf("got a drift of %s for a clock set by an hour, want that", off)
	}
}

func TestDoctorAsksReceivers(t *testing.T) {
	f := start(t, nil)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	var asked []string
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method)
		w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer late.Close()
	for _, server := range []*httptest.Server{gone, late} {
		url := server.URL + "/secret-path?token=secret-token"
		if _, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: &url}); err != nil {
			t.Fatal(err)
		}
	}
	quiet, err := f.client.Doctor(t.Context(), false)
	if err != nil || len(asked) > 0 {
		t.Errorf("got %v and requests %v without a probe, want none", err, asked)
	}
	for _, found := range faults(quiet.Findings) {
		if found.ID == "webhook" {
			t.Errorf("got %+v without a probe, want no fault", found)
		}
	}
	probed, err := f.client.Doctor(t.Context(), true)
	if err != nil || len(asked) != 1 || asked[0] != http.MethodHead {
		t.Errorf("got %v and requests %v for a probe, want one HEAD", err, asked)
	}
	var unreachable, skewed bool
	for _, found := range faults(probed.Findings) {
		unreachable = unreachable || found.ID == "webhook" && strings.Contains(found.Message, "refuses connections") && strings.HasPrefix(found.Cure, "voxparse webhooks test whk_")
		skewed = skewed || found.ID == "clock" && strings.Contains(found.Message, "differ by 2h0m") && found.Cure == setClock
		if strings.Contains(found.Message, "secret") {
			t.Errorf("got %q, want nothing of the URL but its host", found.Message)
		}
	}
	if !unreachable || !skewed {
		t.Errorf("got %+v, want that one receiver is not reached and the other's clock differs", faults(probed.Findings))
	}
	if status, body := f.ask("GET", "/v1/doctor?probe=1", ""); status != 400 {
		t.Errorf("got %d %s for a GET that would probe, want 400", status, body)
	}
}

func TestDoctorSeesWhatChangedUnderTheDaemon(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, nil)
	of := func(id string) api.Finding {
		t.Helper()
		c, err := f.client.Doctor(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range c.Findings {
			if found.ID == id {
				return found
			}
		}
		t.Fatalf("got no finding %s in %+v", id, c.Findings)
		return api.Finding{}
	}
	if got := of("config"); got.Level != api.LevelOK {
		t.Errorf("got %+v without a config file, want that the defaults hold", got)
	}
	if err := os.MkdirAll(filepath.Dir(f.cfg.ConfigFile), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f.cfg.ConfigFile, "model = \"moonshine-base\"\n")
	if got := of("config"); got.Level != api.LevelWarn || got.Cure != "voxparse daemon restart" {
		t.Errorf("got %+v for a new config file, want a warning and a restart", got)
	}
	write(t, f.cfg.ConfigFile, "modle = 1\n")
	if got := of("config"); got.Level != api.LevelError || !strings.Contains(got.Cure, f.cfg.ConfigFile) {
		t.Errorf("got %+v for a config file with a mistake, want an error that names it", got)
	}
	if got := of("database"); got.Level != api.LevelOK {
		t.Errorf("got %+v, want that the database answers", got)
	}
}

func TestDoctorSeesWebhooksThatFail(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(http.StatusGone) })
	hook := r.register(f, nil)
	f.wait(f.submit("x"))
	r.next()
	until(t, "the end of the webhook", func() bool {
		h, err := f.client.Webhook(t.Context(), hook.ID)
		return err == nil && !h.Active
	})
	found, err := f.client.Doctor(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range found.Findings {
		if x.ID == "webhook" && x.Level == api.LevelError && x.Cure == "voxparse webhooks enable "+hook.ID {
			return
		}
	}
	t.Errorf("got %+v, want an error about the disabled webhook and how to enable it", faults(found.Findings))
}

func TestDoctorComparesWatches(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  inotify
		want string // in the cure; "" for none
	}{
		{"enough", inotify{watches: 10, instances: 2, maxWatches: 1000, maxInstances: 128}, ""},
		{"too few watches", inotify{watches: 990, instances: 2, maxWatches: 1000, maxInstances: 128}, "fs.inotify.max_user_watches=524288"},
		{"too few instances", inotify{watches: 10, instances: 127, maxWatches: 1000, maxInstances: 128}, "fs.inotify.max_user_instances=1024"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := faults(compareWatches(tt.use, 20, 2))
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Cure, tt.want)) {
				t.Errorf("got %+v, want a cure with %q", got, tt.want)
			}
		})
	}
}

func TestDoctorNamesASocketThatIsTooLong(t *testing.T) {
	cfg := healthy(t)
	cfg.Socket = filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if got := examined(t, cfg); len(got) != 1 || got[0].ID != "socket" || !strings.Contains(got[0].Cure, "VOXPARSE_SOCKET") {
		t.Errorf("got %+v, want an error about the socket and a shorter path", got)
	}
	if _, err := net.Listen("unix", cfg.Socket); err == nil {
		t.Error("the system binds such a path after all")
	}
}
