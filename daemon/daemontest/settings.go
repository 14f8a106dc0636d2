package daemontest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/config"
)

// ShortDir is a fresh folder whose path leaves room for a socket.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vxd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Settings are those of a daemon whose home is dir.
func Settings(t testing.TB, dir string) *config.Config {
	t.Helper()
	env := Env(dir)
	cfg, err := config.Load(nil, func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	cfg.Grace = 2 * time.Second
	cfg.Mode = "verbatim" // a transcriber of tests says what the file says, to the letter
	return cfg
}

// Env are the variables of a daemon whose home is dir.
func Env(dir string) map[string]string {
	return map[string]string{
		"VOXPARSE_DATA_DIR": filepath.Join(dir, "voxparse"), "VOXPARSE_CACHE_DIR": filepath.Join(dir, "cache"),
		"VOXPARSE_SOCKET": filepath.Join(dir, "voxparse-run", "s"), "XDG_CONFIG_HOME": dir, "HOME": dir,
	}
}

// AwaitOpen returns once the daemon behind c has started, or does not answer.
func AwaitOpen(t testing.TB, c *client.Client) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		h, err := c.Alive(t.Context())
		if err != nil || h.Status != api.HealthStarting {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("the daemon still starts after a minute")
		}
	}
}
