package daemontest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

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
