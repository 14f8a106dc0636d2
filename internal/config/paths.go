package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/adrg/xdg"
)

// maxSocketPath is the longest path that binds on every platform, in bytes:
// sun_path holds 104 on macOS and 108 on Linux, with the final zero.
const maxSocketPath = 100

// defaultPaths fills the paths that nobody set.
func (c *Config) defaultPaths(env func(string) string) {
	if c.DataDir == "" {
		c.DataDir = filepath.Join(home(env, "XDG_DATA_HOME", xdg.DataHome), "voxparse")
	}
	if c.CacheDir == "" {
		c.CacheDir = filepath.Join(home(env, "XDG_CACHE_HOME", xdg.CacheHome), "voxparse")
	}
	if c.ModelsDir == "" {
		c.ModelsDir = filepath.Join(c.DataDir, "models")
	}
	if c.Socket == "" {
		c.Socket = defaultSocket(env)
	}
}

// configHome returns the user's folder for config files.
func configHome(env func(string) string) string {
	return home(env, "XDG_CONFIG_HOME", xdg.ConfigHome)
}

// home returns an XDG base folder: the variable where it holds an absolute
// path, as the specification demands, else what the platform says.
func home(env func(string) string, name, fallback string) string {
	if v := env(name); filepath.IsAbs(v) {
		return v
	}
	return fallback
}

// defaultSocket returns $XDG_RUNTIME_DIR/voxparse/voxparse.sock. Where there is
// no runtime folder (cron, su, macOS), or its path is too long for a socket, it
// is a short folder of the user's own; whoever binds there must check that the
// folder belongs to the user.
func defaultSocket(env func(string) string) string {
	if dir := runtimeDir(env); dir != "" {
		if s := filepath.Join(dir, "voxparse", "voxparse.sock"); len(s) <= maxSocketPath {
			return s
		}
	}
	return filepath.Join(shortTemp(), "voxparse-"+userTag(), "voxparse.sock")
}

func runtimeDir(env func(string) string) string {
	if v := env("XDG_RUNTIME_DIR"); filepath.IsAbs(v) {
		return v
	}
	if runtime.GOOS != "linux" {
		return ""
	}
	dir := "/run/user/" + userTag()
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return ""
	}
	return dir
}

// shortTemp is the system's folder for temporary files, not $TMPDIR where that
// is long: two shells with other TMPDIRs are to find the same daemon.
func shortTemp() string {
	if runtime.GOOS == "windows" {
		return os.TempDir()
	}
	return "/tmp"
}

func userTag() string {
	if uid := os.Getuid(); uid >= 0 {
		return strconv.Itoa(uid)
	}
	return "user"
}

// LogFile returns where a daemon that was started in the background writes.
func (c *Config) LogFile() string { return filepath.Join(c.DataDir, "daemon.log") }

func expandHome(path string, env func(string) string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	h := env("HOME")
	if h == "" {
		h = xdg.Home
	}
	return filepath.Join(h, path[1:])
}

func absolute(path, base string) (string, error) {
	if !filepath.IsAbs(path) && base != "" {
		path = filepath.Join(base, path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("make %s absolute: %w", path, err)
	}
	return abs, nil
}
