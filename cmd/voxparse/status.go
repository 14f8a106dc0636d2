package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
)

func statusCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show what the daemon does, and what keeps it from doing more", Args: args(),
		Long:    "Show what the daemon does, and what keeps it from doing more. Exit 1 where something does, and 6 where it does not run: status never starts it.",
		Example: "  voxparse status\n  voxparse status --json | jq .problems",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.client(c.Context())
			if err != nil {
				return err
			}
			st, err := askStatus(c.Context(), cl)
			if err != nil && a.remote() == "" {
				err = a.explain(c.Context(), a.cfg, err)
			}
			if err != nil {
				return err
			}
			if err := printOne(a, st, fmt.Sprint(st.PID), func() { a.showStatus(st) }); err != nil || len(st.Problems) == 0 {
				return err
			}
			return exitError{code: exitFailed, err: errors.New("something keeps the daemon from its work"), silent: true}
		},
	}
}

// statusWaiting is how many files of a folder status lists.
const statusWaiting = 5

func (a *app) showStatus(st api.Status) {
	a.field("daemon", fmt.Sprintf("%s, pid %d, version %s, started %s", a.style.good.Render("running"), st.PID, st.Version, a.style.when(st.StartedAt)))
	a.field("socket", st.Socket)
	a.field("address", st.Listen)
	model := st.Model
	if !st.ModelReady {
		model += a.style.warn.Render(" (not here yet; fetched on first use, or now: voxparse models pull)")
	}
	a.field("model", model)
	a.field("plan", st.Plan)
	a.field("jobs", counts(st.Jobs, api.Processing, api.Queued, api.Completed, api.Failed, api.Cancelled, api.Interrupted))
	for _, j := range st.Running {
		a.item("  ", strings.Join([]string{j.ID, oneLine(j.Source.Name), jobNote(j)}, " "))
	}
	a.field("deliveries", counts(st.Deliveries, api.DeliveryPending, api.DeliveryInFlight, api.DeliveryHeld, api.DeliveryDelivered, api.DeliveryFailed))
	for _, w := range st.Webhooks {
		a.item("  ", fmt.Sprintf("%s %s%s", w.ID, oneLine(w.URL), a.hookNote(w)))
	}
	for _, f := range st.Folders {
		a.field("folder", fmt.Sprintf("%s %s", oneLine(f.Dir), a.folderStatus(f)))
		for _, w := range f.Waiting[:min(len(f.Waiting), statusWaiting)] {
			a.item("  ", fmt.Sprintf("%s: %s", oneLine(w.Path), oneLine(w.Reason)))
		}
		if n := len(f.Waiting) - statusWaiting; n > 0 {
			a.printf("  and more; see: voxparse watch show %s\n", f.ID)
		}
	}
	if st.QuarantinedFiles > 0 {
		a.field("quarantine", fmt.Sprintf("%s (%s); see: voxparse doctor", plural(st.QuarantinedFiles, "file", "files"), bytesText(st.QuarantinedBytes)))
	}
	for _, p := range st.Problems {
		a.item(a.style.bad.Render("!")+" ", oneLine(p.Message))
		if p.Fix != "" {
			a.item("  ", oneLine(p.Fix))
		}
	}
}

// counts writes "2 processing, 5 completed", the named keys first and zeros
// left out.
func counts[K ~string](m map[K]int, order ...K) string {
	keys := slices.Clone(order)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	var parts []string
	for _, k := range keys {
		if m[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[k], strings.ReplaceAll(string(k), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func (a *app) hookNote(w api.WebhookHealth) string {
	var parts []string
	if !w.Active {
		parts = append(parts, a.style.bad.Render(strings.TrimSuffix("disabled: "+oneLine(w.DisabledReason), ": ")+"; voxparse webhooks enable "+w.ID))
	}
	if w.Failures > 0 {
		parts = append(parts, a.style.warn.Render(plural(w.Failures, "failed attempt", "failed attempts")))
	}
	if w.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", w.Pending))
	}
	if w.Held > 0 {
		parts = append(parts, a.style.warn.Render(fmt.Sprintf("%d held", w.Held)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, ", ")
}
