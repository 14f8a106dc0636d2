package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/duration"
)

const webhooksExample = `  voxparse webhooks add https://example.com/hooks/voxparse --events transcription.completed
  voxparse webhooks test whk_01k…
  voxparse webhooks deliveries whk_01k… --status failed_permanent
  voxparse webhooks replay whk_01k… --since 24h
  voxparse webhooks snippet --lang node`

func webhooksCmd(a *app) *cobra.Command {
	return group("webhooks", "Tell your systems when transcripts are ready", webhooksExample,
		webhooksAddCmd(a), webhooksListCmd(a), webhooksShowCmd(a), webhooksEditCmd(a), webhooksRmCmd(a),
		webhooksEnableCmd(a), webhooksRotateCmd(a), webhooksTestCmd(a),
		webhooksDeliveriesCmd(a), webhooksDeliveryCmd(a), webhooksRedeliverCmd(a), webhooksReplayCmd(a),
		webhooksVerifyCmd(a), webhooksSnippetCmd(a))
}

// webhookFlags are the settings that add and edit share.
type webhookFlags struct {
	events       []string
	description  string
	timeout      string
	ordered      bool
	rate         float64
	allowPrivate bool
}

func (f *webhookFlags) define(c *cobra.Command) {
	fl := c.Flags()
	fl.StringSliceVar(&f.events, "events", nil, "only these `TYPES`: transcription.completed, transcription.failed (default: every type)")
	fl.StringVar(&f.description, "description", "", "a `NOTE` for people")
	fl.StringVar(&f.timeout, "timeout", "", "`LIMIT` of one attempt, 1s to 60s (default 15s)")
	fl.BoolVar(&f.ordered, "ordered", false, "one at a time, in sequence")
	fl.Float64Var(&f.rate, "rate-limit", 0, "`N` deliveries a second, 0 for no limit")
	fl.BoolVar(&f.allowPrivate, "allow-private", false, "may reach loopback and private addresses (always so for one added over the socket)")
	complete(c, "events", api.EventCompleted, api.EventFailed)
}

// patch holds what the command line changes.
func (f *webhookFlags) patch(c *cobra.Command) (api.WebhookPatch, error) {
	var p api.WebhookPatch
	fl := c.Flags()
	if fl.Changed("events") {
		events := slices.DeleteFunc(f.events, func(s string) bool { return s == "" })
		p.Events = &events
	}
	if fl.Changed("description") {
		p.Description = &f.description
	}
	if fl.Changed("timeout") {
		d, err := duration.Parse(f.timeout)
		if err != nil || d%time.Second != 0 || d < time.Second || d > time.Minute {
			return p, usagef("--timeout %s: want whole seconds from 1s to 60s", f.timeout)
		}
		seconds := int(d / time.Second)
		p.TimeoutSeconds = &seconds
	}
	if fl.Changed("ordered") {
		p.Ordered = &f.ordered
	}
	if fl.Changed("rate-limit") {
		p.RateLimit = &f.rate
	}
	if fl.Changed("allow-private") {
		p.AllowPrivate = &f.allowPrivate
	}
	return p, nil
}

func webhooksAddCmd(a *app) *cobra.Command {
	var f webhookFlags
	var secretFile string
	c := &cobra.Command{
		Use: "add URL", Aliases: []string{"create"}, Short: "Add a webhook and show its secret, once", Args: args("URL"),
		Long: `Add a webhook. Its secret is shown now and never again; --secret-file writes it to
a file that only you can read instead.`,
		Example: "  voxparse webhooks add https://example.com/hooks/voxparse\n  voxparse webhooks add http://localhost:3000/hooks --events transcription.completed --secret-file .secret",
		RunE: func(c *cobra.Command, got []string) error {
			p, err := f.patch(c)
			if err != nil {
				return err
			}
			p.URL = &got[0]
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if _, err := os.Stat(secretFile); secretFile != "" && err == nil {
				return api.Errorf(api.Conflict, "%s exists already and may hold another secret; name another file", oneLine(secretFile))
			}
			w, err := cl.CreateWebhook(c.Context(), p)
			if err != nil {
				return err
			}
			if err := a.printSecret(w, secretFile); err != nil || a.json {
				return err
			}
			a.notice("check the way to it: voxparse webhooks test %s", w.ID)
			return nil
		},
	}
	f.define(c)
	c.Flags().StringVar(&secretFile, "secret-file", "", "write the secret to this `FILE` (0600) and do not print it")
	return c
}

// printSecret prints a webhook that bears its secret. With -q the id alone goes
// to stdout; the secret is not to be lost, so it goes to stderr.
func (a *app) printSecret(w api.Webhook, file string) error {
	secret := w.Secret
	if file != "" {
		if err := writeFile(file, []byte(secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("the webhook %s is there, but its secret is not: %w; voxparse webhooks rotate %s makes another", w.ID, err, w.ID)
		}
		w.Secret = ""
	} else if a.quiet && !a.json {
		fmt.Fprintf(a.err, "secret: %s\n", secret)
	}
	return printOne(a, w, w.ID, func() {
		a.showWebhook(w)
		if file != "" {
			a.field("secret", "in "+oneLine(file))
			return
		}
		a.field("secret", a.style.bold.Render(secret))
		a.notice("keep the secret now: it is never shown again")
	})
}

func webhooksListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List webhooks", Args: args(), Example: "  voxparse webhooks list --json",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hooks, err := cl.Webhooks(c.Context())
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "STATUS", "URL", "EVENTS", "DESCRIPTION"}}
			for _, w := range hooks {
				t.add(w.ID, a.webhookStatus(w), oneLine(w.URL), events(w.Events), oneLine(w.Description))
			}
			return printList(a, hooks, func(w api.Webhook) string { return w.ID }, t, "no webhooks; add one with: voxparse webhooks add URL")
		},
	}
}

// webhookStatus is one word or two on whether a webhook gets anything.
func (a *app) webhookStatus(w api.Webhook) string {
	switch {
	case !w.Active && w.DisabledReason != "":
		return a.style.bad.Render("disabled: " + oneLine(w.DisabledReason))
	case !w.Active:
		return a.style.bad.Render("disabled")
	case w.ConsecutiveFailures > 0:
		return a.style.warn.Render(fmt.Sprintf("failing (%d)", w.ConsecutiveFailures))
	}
	return a.style.good.Render("active")
}

func events(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ",")
}

func webhooksShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Aliases: []string{"get"}, Short: "Show a webhook", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(), Example: "  voxparse webhooks show whk_01k…",
		RunE: a.withWebhook((*client.Client).Webhook),
	}
}

// withWebhook runs one call on the webhook named and shows what it returns.
func (a *app) withWebhook(call func(*client.Client, context.Context, string) (api.Webhook, error)) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, got []string) error {
		cl, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		id, err := webhookID(c.Context(), cl, got[0])
		if err != nil {
			return err
		}
		w, err := call(cl, c.Context(), id)
		if err != nil {
			return err
		}
		return printOne(a, w, w.ID, func() { a.showWebhook(w) })
	}
}

func (a *app) showWebhook(w api.Webhook) {
	a.field("id", w.ID)
	a.field("url", oneLine(w.URL))
	a.field("status", a.webhookStatus(w))
	if !w.DisabledAt.IsZero() {
		a.field("disabled", a.style.when(w.DisabledAt)+"; voxparse webhooks enable "+w.ID)
	}
	a.field("events", events(w.Events))
	a.field("description", oneLine(w.Description))
	a.field("created", a.style.when(w.CreatedAt))
	a.field("timeout", fmt.Sprintf("%ds", w.TimeoutSeconds))
	if w.Ordered {
		a.field("order", "one at a time, in sequence")
	}
	if w.RateLimit > 0 {
		a.field("rate limit", fmt.Sprintf("%g a second", w.RateLimit))
	}
	if w.Secret == "" {
		a.field("secret", w.SecretLast4)
	}
	if w.SecretInUse != "" {
		a.field("in use", "the "+w.SecretInUse+" secret since "+a.style.when(w.SecretSince))
		a.field("old secret", "ends "+a.style.when(w.PreviousUntil))
	} else if !w.SecretSince.IsZero() {
		a.field("in use", "since "+a.style.when(w.SecretSince))
	}
}

func webhooksEditCmd(a *app) *cobra.Command {
	var f webhookFlags
	var address string
	var active bool
	c := &cobra.Command{
		Use: "edit ID", Aliases: []string{"update"}, Short: "Change a webhook", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Example: "  voxparse webhooks edit whk_01k… --url https://example.com/new --timeout 30s\n  voxparse webhooks edit whk_01k… --active=false",
		RunE: func(c *cobra.Command, got []string) error {
			p, err := f.patch(c)
			if err != nil {
				return err
			}
			if c.Flags().Changed("url") {
				p.URL = &address
			}
			if c.Flags().Changed("active") {
				p.Active = &active
			}
			if p == (api.WebhookPatch{}) {
				return usagef("nothing to change; give --url, --events, --description, --timeout, --ordered, --rate-limit, --allow-private or --active")
			}
			return a.withWebhook(func(cl *client.Client, ctx context.Context, id string) (api.Webhook, error) {
				return cl.UpdateWebhook(ctx, id, p)
			})(c, got)
		},
	}
	f.define(c)
	c.Flags().StringVar(&address, "url", "", "`URL` to send to")
	c.Flags().BoolVar(&active, "active", true, "false holds its deliveries until it is enabled again")
	return c
}

func webhooksRmCmd(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm ID…", Aliases: []string{"delete", "remove"}, Short: "Remove webhooks", Args: args("ID…"),
		ValidArgsFunction: a.completeWebhooks(), Example: "  voxparse webhooks rm whk_01k…",
		RunE: a.removeEach(webhookID, func(cl *client.Client, ctx context.Context, id string) error { return cl.DeleteWebhook(ctx, id, force) }),
	}
	c.Flags().BoolVar(&force, "force", false, "also with deliveries that are not sent yet: they are cancelled")
	return c
}

func webhooksEnableCmd(a *app) *cobra.Command {
	var since string
	c := &cobra.Command{
		Use: "enable ID", Short: "Activate a webhook and send what was held for it", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Example: "  voxparse webhooks enable whk_01k… --replay-since 24h",
		RunE: func(c *cobra.Command, got []string) error {
			from, err := parseFrom("replay-since", since)
			if err != nil {
				return err
			}
			return a.withWebhook(func(cl *client.Client, ctx context.Context, id string) (api.Webhook, error) {
				return cl.EnableWebhook(ctx, id, api.ReplayRequest{Since: from})
			})(c, got)
		},
	}
	c.Flags().StringVar(&since, "replay-since", "", "also send again what failed since this `TIME`: a duration back (24h), a date or a time")
	return c
}

func webhooksRotateCmd(a *app) *cobra.Command {
	var overlap, secretFile string
	var r api.RotateRequest
	c := &cobra.Command{
		Use: "rotate ID", Short: "Make a new secret; the old one stays valid for a while", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Long: `Make a new secret and show it, once. Until the overlap has passed requests are
signed with the secret that the receiver accepted last, at first the old one, so
that it can change over in its own time; with --overlap 0 the old one is invalid
at once. A rotation during the overlap of another is refused without --force.`,
		Example: "  voxparse webhooks rotate whk_01k… --overlap 2d\n  voxparse webhooks rotate whk_01k… --finish",
		RunE: func(c *cobra.Command, got []string) error {
			d, err := parseOverlap(overlap)
			if err != nil {
				return err
			}
			if seconds := int(d / time.Second); !r.Finish {
				r.OverlapSeconds = &seconds
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := webhookID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			w, err := cl.RotateSecret(c.Context(), id, r)
			if err != nil {
				return err
			}
			if r.Finish {
				return printOne(a, w, w.ID, func() { a.showWebhook(w) })
			}
			if d == 0 {
				a.notice("the old secret has ended: requests fail until the receiver has the new one")
			}
			return a.printSecret(w, secretFile)
		},
	}
	c.Flags().BoolVar(&r.Force, "force", false, "also during the overlap of another rotation: the secret not in use ends")
	c.Flags().BoolVar(&r.Finish, "finish", false, "end the overlap now and make no new secret")
	c.Flags().StringVar(&overlap, "overlap", "24h", "`DURATION` for which the old secret stays valid: 0 to 7d")
	c.Flags().StringVar(&secretFile, "secret-file", "", "write the secret to this `FILE` (0600) and do not print it")
	for _, other := range []string{"force", "overlap", "secret-file"} {
		c.MarkFlagsMutuallyExclusive("finish", other)
	}
	return c
}

// parseOverlap reads how long the secret before a rotation stays valid.
func parseOverlap(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	d, err := duration.Parse(text)
	if err != nil || d > 7*24*time.Hour {
		return 0, usagef("--overlap %s: want 0 to 7d", text)
	}
	return d, nil
}
