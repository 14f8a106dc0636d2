package daemon

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/vault"
	"github.com/voxparse/voxparse/watch"
	"github.com/voxparse/voxparse/webhook"
)

// probeLimit is how long one receiver may take to answer a probe.
const probeLimit = 10 * time.Second

// probesAtOnce bounds the probes under way.
const probesAtOnce = 8

// checkSettings looks whether the config file is as it was read at the start.
func (d *Daemon) checkSettings(context.Context) []api.Finding {
	const id = "config"
	st, err := os.Stat(d.cfg.ConfigFile)
	if err != nil {
		if d.cfg.Exists() {
			return []api.Finding{doubt(id, "voxparse config show", "the config file %s is no longer there: %v", d.cfg.ConfigFile, err)}
		}
		return []api.Finding{fine(id, "there is no config file, and the defaults hold")}
	}
	if _, err := config.Load(map[string]string{"config": d.cfg.ConfigFile}, os.Getenv); err != nil {
		return []api.Finding{wrong(id, "edit "+quoted(d.cfg.ConfigFile), "%v", err)}
	}
	if st.ModTime().After(d.start) {
		return []api.Finding{doubt(id, "voxparse daemon restart", "%s has changed since the daemon started", d.cfg.ConfigFile)}
	}
	return []api.Finding{fine(id, "%s is valid", d.cfg.ConfigFile)}
}

// checkStore looks whether the database answers, and whether anything keeps
// the daemon from its work.
func (d *Daemon) checkStore(ctx context.Context) []api.Finding {
	const id = "database"
	if err := d.lively(ctx, 10*time.Second); err != nil {
		return []api.Finding{wrong(id, "voxparse daemon restart", "%v", err)}
	}
	var out []api.Finding
	for _, p := range d.work.fetch.problems() {
		out = append(out, wrong(p.Code, p.Cure, "%s", p.Message))
	}
	size := int64(0)
	if st, err := os.Stat(filepath.Join(d.cfg.DataDir, DatabaseFile)); err == nil {
		size = st.Size()
	}
	return append(out, fine(id, "the database answers (%d MB)", size>>20))
}

// checkKeyring says where the master key is.
func (d *Daemon) checkKeyring(context.Context) []api.Finding {
	if d.vault.Source() == vault.SourceKeyring {
		return []api.Finding{fine("keyring", "the master key is in the desktop's keyring")}
	}
	return []api.Finding{fine("keyring", "the master key is in a file of the data folder that only this user can read")}
}

// checkFolders looks which drop folders do not get on.
func (d *Daemon) checkFolders(ctx context.Context) []api.Finding {
	const id = "folder"
	views, err := d.folders.views(ctx)
	if err != nil {
		return []api.Finding{wrong(id, "voxparse daemon logs", "the drop folders cannot be listed: %v", err)}
	}
	var out []api.Finding
	for _, v := range views {
		show := "voxparse watch show " + v.ID
		switch v.State {
		case "offline", "blocked":
			out = append(out, wrong(id, show, "%s is %s: %s", v.Dir, v.State, v.Reason))
		case "paused":
			out = append(out, doubt(id, "voxparse watch resume "+v.ID, "%s is paused", v.Dir))
		}
		if n := v.Counts["blocked"]; n > 0 && v.State != "blocked" {
			out = append(out, wrong(id, show, "%d files in %s are blocked", n, v.Dir))
		}
		if n := v.Counts["failed"]; n > 0 {
			out = append(out, doubt(id, fmt.Sprintf("read the .error.json files in %s, and delete them to try again", quoted(v.Dir)), "%d files of %s failed", n, v.Dir))
		}
	}
	for _, p := range d.folders.problems() {
		out = append(out, wrong(id, p.Cure, "%s", p.Message))
	}
	for _, f := range d.folders.list() {
		for _, p := range f.problems() {
			if !strings.HasPrefix(p.Code, "folder_") { // said above, and by folder_access
				out = append(out, wrong(id, p.Cure, "%s", p.Message))
			}
		}
	}
	if len(out) == 0 && len(views) > 0 {
		out = append(out, fine(id, "the drop folders get on (%d)", len(views)))
	}
	return out
}

// checkWebhooks looks which webhooks are disabled or failing, and asks their
// receivers if probe is set.
func (d *Daemon) checkWebhooks(ctx context.Context, probe bool) []api.Finding {
	const id = "webhook"
	hooks, err := d.db.Webhooks(ctx)
	if err != nil {
		return []api.Finding{wrong(id, "voxparse daemon logs", "the webhooks cannot be listed: %v", err)}
	}
	found := make([][]api.Finding, len(hooks))
	slots := make(chan struct{}, probesAtOnce)
	var wg sync.WaitGroup
	for i, h := range hooks {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i] = d.checkWebhook(ctx, h, probe)
		})
	}
	wg.Wait()
	var out []api.Finding
	for _, f := range found {
		out = append(out, f...)
	}
	if len(out) == 0 && len(hooks) > 0 {
		out = append(out, fine(id, "the webhooks are active and do not fail (%d)", len(hooks)))
	}
	return out
}

func (d *Daemon) checkWebhook(ctx context.Context, h store.Webhook, probe bool) []api.Finding {
	const id = "webhook"
	name := h.ID + " (" + hostOf(h.URL) + ")"
	var out []api.Finding
	switch {
	case !h.Active && h.DisabledReason != api.DisabledByUser:
		out = append(out, wrong(id, "voxparse webhooks enable "+h.ID, "%s was disabled: %s", name, h.DisabledReason))
	case h.ConsecutiveFailures > 0:
		out = append(out, doubt(id, "voxparse webhooks deliveries "+h.ID+" --state pending", "%s failed %d times in a row", name, h.ConsecutiveFailures))
	}
	if !probe {
		return out
	}
	p := d.deliver.sender.Probe(ctx, webhook.Target{URL: h.URL, Timeout: probeLimit, AllowPrivate: h.AllowPrivate})
	if p.Error != "" {
		return append(out, wrong(id, "voxparse webhooks test "+h.ID, "%s cannot be reached: %s", name, p.Error))
	}
	out = append(out, fine(id, "%s can be reached (it answered %d to HEAD in %d ms)", name, p.Status, p.Took.Milliseconds()))
	if off := time.Since(p.Date).Round(time.Second); !p.Date.IsZero() && (off > clockSkew || off < -clockSkew) {
		out = append(out, doubt("clock", setClock, "this clock and that of %s differ by %s: it will refuse the signatures", hostOf(h.URL), off.Abs()))
	}
	return out
}

// hostOf is what of a URL holds no secret.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "unreadable URL"
	}
	return watch.Printable(u.Host)
}
