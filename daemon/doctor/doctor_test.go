package doctor_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// healthy is a home in which doctor finds no fault, with a worker that only
// says hello.
func healthy(t *testing.T) *config.Config {
	t.Helper()
	cfg := daemontest.Settings(t, daemontest.ShortDir(t))
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
	path := filepath.Join(daemontest.ShortDir(t), "engine")
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
	for _, f := range faults(doctor.Examine(t.Context(), cfg, "test", false)) {
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
func TestDoctorsFixesWork(t *testing.T) {
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
		{"the socket's folder is a link", "socket", "is a link", func(t *testing.T, c *config.Config) {
			real := filepath.Join(filepath.Dir(filepath.Dir(c.Socket)), "real")
			if err := errors.Join(os.RemoveAll(filepath.Dir(c.Socket)), os.Mkdir(real, 0o700), os.Symlink(real, filepath.Dir(c.Socket))); err != nil {
				t.Fatal(err)
			}
		}},
		{"a file lies in the socket's place", "socket", "is not a socket", func(t *testing.T, c *config.Config) { write(t, c.Socket, "x") }},
		{"the decoder is open to others", "decoder_cache", "others may use", func(t *testing.T, c *config.Config) { chmod(t, filepath.Join(c.CacheDir, "decoder"), 0o755) }},
		{"a drop folder is gone", "folder_access", "cannot be read", func(t *testing.T, c *config.Config) {
			c.Folders = append(c.Folders, config.Folder{Dir: filepath.Join(c.DataDir, "..", "it's gone")})
		}},
		{"a drop folder's output has no place", "folder_access", "transcripts cannot be written", func(t *testing.T, c *config.Config) {
			write(t, filepath.Join(c.DataDir, "..", "out"), "in the way")
			c.Folders = append(c.Folders, config.Folder{Dir: daemontest.ShortDir(t), FolderOptions: api.FolderOptions{Out: filepath.Join(c.DataDir, "..", "out")}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := healthy(t)
			tt.damage(t, cfg)
			got := examined(t, cfg)
			if len(got) != 1 || got[0].ID != tt.id || got[0].Level != api.LevelError || !strings.Contains(got[0].Message, tt.says) {
				t.Fatalf("got %+v, want one error %s that says %q", got, tt.id, tt.says)
			}
			fix, _, _ := strings.Cut(got[0].Fix, ", or ")
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", fix).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", fix, err, out)
			}
			if left := examined(t, cfg); len(left) > 0 {
				t.Errorf("got %+v after %s, want it mended", left, fix)
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
			if len(got) != 1 || got[0].ID != "engine" || got[0].Level != tt.level || !strings.Contains(got[0].Message, tt.says) || !strings.Contains(got[0].Fix, "install") {
				t.Errorf("got %+v, want one %s about the engine that says %q, and how to install it", got, tt.level, tt.says)
			}
		})
	}
}

func TestDoctorHashesTheModel(t *testing.T) {
	cfg := healthy(t)
	mirror := cfg.ModelsDir
	cfg.ModelsDir = filepath.Join(daemontest.ShortDir(t), "models")
	got := examined(t, cfg)
	if len(got) != 1 || got[0].Level != api.LevelWarn || got[0].Fix != "voxparse models pull moonshine-tiny" {
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
	if len(got) != 1 || got[0].ID != "models" || got[0].Level != api.LevelError || got[0].Fix != "voxparse models pull moonshine-tiny" {
		t.Fatalf("got %+v for a damaged model, want an error and how to fetch it again", got)
	}
	if err := store.Pull(t.Context(), models.Default, nil); err != nil { // as the command does
		t.Fatal(err)
	}
	if got := examined(t, cfg); len(got) > 0 {
		t.Errorf("got %+v after the pull, want it mended", got)
	}
}

func TestDoctorNamesASocketThatIsTooLong(t *testing.T) {
	cfg := healthy(t)
	cfg.Socket = filepath.Join(t.TempDir(), strings.Repeat("x", listener.MaxSocketPath))
	if got := examined(t, cfg); len(got) != 1 || got[0].ID != "socket" || !strings.Contains(got[0].Fix, "VOXPARSE_SOCKET") {
		t.Errorf("got %+v, want an error about the socket and a shorter path", got)
	}
	if _, err := net.Listen("unix", cfg.Socket); err == nil {
		t.Error("the system binds such a path after all")
	}
}
