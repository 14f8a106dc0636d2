package doctor

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// probeLimit is how long one receiver may take to answer a probe.
const probeLimit = 10 * time.Second

// probesAtOnce bounds the probes under way.
const probesAtOnce = 8

// checkWebhooks looks which webhooks are disabled or failing, and asks their
// receivers if probe is set.
func (d *Doctor) checkWebhooks(ctx context.Context, probe bool) []api.Finding {
	const id = "webhook"
	hooks, err := d.cfg.Webhooks.Webhooks(ctx)
	if err != nil {
		return []api.Finding{fail(id, "voxparse daemon logs", "the webhooks cannot be listed: %v", err)}
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
		out = append(out, ok(id, "the webhooks are active and do not fail (%d)", len(hooks)))
	}
	return out
}

func (d *Doctor) checkWebhook(ctx context.Context, h store.Webhook, probe bool) []api.Finding {
	const id = "webhook"
	name := h.ID + " (" + hostOf(h.URL) + ")"
	var out []api.Finding
	switch {
	case !h.Active && h.DisabledReason != api.DisabledByUser:
		out = append(out, fail(id, problem.EnableWebhook(h.ID, h.DisabledReason), "%s was disabled: %s", name, h.DisabledReason))
	case h.ConsecutiveFailures > 0:
		out = append(out, warn(id, "voxparse webhooks deliveries "+h.ID+" --status pending", "%s keeps failing (%d in a row)", name, h.ConsecutiveFailures))
	}
	if !probe {
		return out
	}
	p := d.cfg.Probe(ctx, h, probeLimit)
	if p.Error != "" {
		return append(out, fail(id, "voxparse webhooks test "+h.ID, "%s cannot be reached: %s", name, p.Error))
	}
	out = append(out, ok(id, "%s can be reached (it answered %d to HEAD in %d ms)", name, p.Status, p.Took.Milliseconds()))
	if off := time.Since(p.Date).Round(time.Second); !p.Date.IsZero() && (off > clockSkew || off < -clockSkew) {
		out = append(out, warn("clock", setClock, "this clock and that of %s differ by %s: it will refuse the signatures", hostOf(h.URL), off.Abs()))
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
