package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/store/boltstore"
)

// checkSettings looks whether the config file is as it was read at the start.
func (d *Doctor) checkSettings(context.Context) []api.Finding {
	const id = "config"
	st, err := os.Stat(d.cfg.Settings.ConfigFile)
	if err != nil {
		if d.cfg.Settings.Exists() {
			return []api.Finding{warn(id, "voxparse config show", "the config file %s is no longer there: %v", d.cfg.Settings.ConfigFile, err)}
		}
		return []api.Finding{ok(id, "there is no config file, and the defaults hold")}
	}
	if _, err := config.Load(map[string]string{"config": d.cfg.Settings.ConfigFile}, os.Getenv); err != nil {
		return []api.Finding{fail(id, "edit "+problem.Quote(d.cfg.Settings.ConfigFile), "%v", err)}
	}
	if st.ModTime().After(d.cfg.Started) {
		return []api.Finding{warn(id, "voxparse daemon restart", "%s has changed since the daemon started", d.cfg.Settings.ConfigFile)}
	}
	return []api.Finding{ok(id, "%s is valid", d.cfg.Settings.ConfigFile)}
}

// checkStore looks whether the database answers, and whether anything keeps
// the daemon from its work.
func (d *Doctor) checkStore(ctx context.Context) []api.Finding {
	const id = "database"
	if err := d.cfg.Alive(ctx, 10*time.Second); err != nil {
		return []api.Finding{fail(id, "voxparse daemon restart", "%v", err)}
	}
	var out []api.Finding
	for _, p := range d.cfg.Missing() {
		out = append(out, fail(p.Code, p.Fix, "%s", p.Message))
	}
	size := int64(0)
	if st, err := os.Stat(filepath.Join(d.cfg.Settings.DataDir, boltstore.FileName)); err == nil {
		size = st.Size()
	}
	return append(out, ok(id, "the database answers (%d MB)", size>>20))
}

// checkKeyring says where the master key is.
func (d *Doctor) checkKeyring(context.Context) []api.Finding {
	if d.cfg.Keyring {
		return []api.Finding{ok("keyring", "the master key is in the desktop's keyring")}
	}
	return []api.Finding{ok("keyring", "the master key is in a file of the data folder that only this user can read")}
}

// checkFolders looks which drop folders have trouble.
func (d *Doctor) checkFolders(ctx context.Context) []api.Finding {
	const id = "folder"
	views, err := d.cfg.Folders.Views(ctx)
	if err != nil {
		return []api.Finding{fail(id, "voxparse daemon logs", "the drop folders cannot be listed: %v", err)}
	}
	var out []api.Finding
	for _, v := range views {
		show := "voxparse watch show " + v.ID
		switch v.Status {
		case "offline", "blocked":
			out = append(out, fail(id, show, "%s is %s: %s", v.Dir, v.Status, v.Reason))
		case "paused":
			out = append(out, warn(id, "voxparse watch resume "+v.ID, "%s is paused", v.Dir))
		}
		if n := v.Counts["blocked"]; n > 0 && v.Status != "blocked" {
			out = append(out, fail(id, show, "%d files in %s are blocked", n, v.Dir))
		}
		if n := v.Counts["failed"]; n > 0 {
			out = append(out, warn(id, fmt.Sprintf("read the .error.json files in %s, and delete them to try again", problem.Quote(v.Dir)), "%s of %s failed", countFiles(n), v.Dir))
		}
	}
	for _, p := range d.cfg.Folders.Unwatched() {
		out = append(out, fail(id, p.Fix, "%s", p.Message))
	}
	for _, p := range d.cfg.Folders.Troubles() {
		if !strings.HasPrefix(p.Code, "folder_") { // said above, and by folder_access
			out = append(out, fail(id, p.Fix, "%s", p.Message))
		}
	}
	if len(out) == 0 && len(views) > 0 {
		out = append(out, ok(id, "the drop folders have no trouble (%d)", len(views)))
	}
	return out
}

// countFiles is "1 file" or "2 files".
func countFiles(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
