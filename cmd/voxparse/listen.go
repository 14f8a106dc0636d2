package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

const listenLong = `Receive webhooks on this machine: register a temporary webhook, verify and print
every event as it comes, and remove the webhook at the end. The daemon removes it
by itself where this command is killed.

With --forward-to every request goes on to your own server, body and headers
unchanged, and its answer decides whether voxparse tries again. The secret is
printed at the start, so that your server can verify too.`

// listenFlags are the flags of listen.
type listenFlags struct {
	forwardTo string
	events    []string
	port      int
	max       int
	body      bool
}

func listenCmd(a *app) *cobra.Command {
	var f listenFlags
	c := &cobra.Command{
		Use: "listen", Short: "Receive webhooks here: verify and print every event live", Long: listenLong, Args: args(),
		Example: "  voxparse listen\n  voxparse listen --forward-to http://localhost:3000/hooks\n  voxparse listen --json --max-events 1 | jq .event",
		RunE:    func(c *cobra.Command, _ []string) error { return a.listen(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.forwardTo, "forward-to", "", "send every request on to this `URL`")
	fl.StringSliceVar(&f.events, "events", nil, "only these `TYPES` of event")
	fl.IntVar(&f.port, "port", 0, "`PORT` on 127.0.0.1 (default: a free one)")
	fl.IntVar(&f.max, "max-events", 0, "end after `N` events")
	fl.BoolVar(&f.body, "body", false, "print every body whole")
	complete(c, "events", api.EventCompleted, api.EventFailed)
	return c
}

func (a *app) listen(ctx context.Context, f listenFlags) error {
	if f.forwardTo != "" {
		u, err := url.Parse(f.forwardTo)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return usagef("--forward-to %s: want a URL such as http://localhost:3000/hooks", f.forwardTo)
		}
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that ends is an end like any other: clean up
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(f.port)))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", f.port, err)
	}
	defer l.Close()
	path := "/" + strings.ToLower(rand.Text())
	w, err := registerListener(ctx, c, "http://"+l.Addr().String()+path, f.events)
	if errors.Is(err, api.Conflict) && f.forwardTo == "" {
		a.notice("%v", err)
		a.notice("showing the daemon's own stream of events instead: no signatures, no tests")
		return a.listenStream(ctx, c, f)
	}
	if err != nil {
		return err
	}
	r := newReceiver(a, f, w.Secret)
	letGo := r.hold(ctx, c, w.ID)
	if err = a.announce(w, f, l.Addr().String()+path); err == nil {
		err = r.serve(ctx, l, path)
	}
	if errors.Is(err, syscall.EPIPE) {
		err = signaled{syscall.SIGPIPE} // as a program ends that does not ignore it
	}
	err = errors.Join(err, a.takeAway(ctx, c, w.ID))
	letGo()
	return err
}

// listening is the first line of listen --json.
type listening struct {
	Listening struct {
		URL       string `json:"url"`
		WebhookID string `json:"webhook_id"`
		Secret    string `json:"secret"`
	} `json:"listening"`
}

func (a *app) announce(w api.Webhook, f listenFlags, where string) error {
	if a.json {
		var l listening
		l.Listening.URL, l.Listening.WebhookID, l.Listening.Secret = "http://"+where, w.ID, w.Secret
		return a.printLine(l)
	}
	st := a.errStyle
	a.notice("listening at http://%s as %s", where, st.bold.Render(w.ID))
	if f.forwardTo != "" {
		a.notice("forwarding to %s", f.forwardTo)
		a.notice("secret %s", w.Secret)
	}
	a.notice("%s", st.faint.Render("try it: voxparse webhooks test "+w.ID+"   (Ctrl-C ends it)"))
	return nil
}

// registerListener adds the temporary webhook.
func registerListener(ctx context.Context, c *client.Client, address string, events []string) (api.Webhook, error) {
	description, private := "voxparse listen", true
	p := api.WebhookPatch{URL: &address, Description: &description, AllowPrivate: &private, Temporary: true}
	if len(events) > 0 {
		p.Events = &events
	}
	return c.CreateWebhook(ctx, p)
}

// hold tells the daemon that somebody listens: it removes the webhook by itself
// once we are gone, however that came. It ends the receiver where the webhook is
// removed by others or the daemon does not come back. The returned function
// lets go.
func (r *receiver) hold(ctx context.Context, c *client.Client, id string) (letGo func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := c.HoldWebhook(ctx, id)
		if ctx.Err() == nil {
			r.end(err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// takeAway removes the temporary webhook at the end.
func (a *app) takeAway(ctx context.Context, c *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	settle(ctx, c, id)
	err := c.DeleteWebhook(ctx, id, true)
	switch {
	case errors.Is(err, client.ErrUnreachable):
		return nil // the next daemon removes it
	case err != nil && !errors.Is(err, api.NotFound):
		return fmt.Errorf("remove the temporary webhook %s: %w", id, err)
	}
	a.notice("removed the temporary webhook %s", id)
	return nil
}

// settle gives the daemon a moment to record the attempts that were answered
// last: removing the webhook cancels what is under way.
func settle(ctx context.Context, c *client.Client, id string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		open, err := c.Deliveries(ctx, id, client.DeliveryQuery{Status: api.DeliveryInFlight, Limit: 1})
		if err != nil || len(open) == 0 {
			return // the removal meets the same error, and tells it
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// listenStream prints events as the daemon commits them.
func (a *app) listenStream(ctx context.Context, c *client.Client, f listenFlags) error {
	enough := errors.New("enough events")
	n := 0
	err := c.Events(ctx, "", func(_ string, body []byte) error {
		var e eventHead
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		if len(f.events) > 0 && !slices.Contains(f.events, e.Event) {
			return nil
		}
		if err := a.printReceived(received{At: time.Now().UTC(), Event: body, head: e}, f.body); err != nil {
			return err
		}
		if n++; n == f.max {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// received is one request, as --json prints it.
type received struct {
	At         time.Time       `json:"received_at"`
	Verified   *bool           `json:"verified,omitempty"` // absent in the daemon's own stream
	Problem    string          `json:"problem,omitempty"`  // why it is not verified
	Repeated   bool            `json:"repeated,omitempty"` // the event came before
	DeliveryID string          `json:"delivery_id,omitempty"`
	Attempt    int             `json:"attempt,omitempty"`
	Forwarded  int             `json:"forwarded_status,omitempty"`
	ForwardErr string          `json:"forward_error,omitempty"`
	Event      json.RawMessage `json:"event,omitempty"` // the body, where it is JSON

	head eventHead
}

// eventHead is what is printed of an event.
type eventHead struct {
	Event   string `json:"event"`
	EventID string `json:"event_id"`
	Data    struct {
		JobID  string `json:"job_id"`
		Error  string `json:"error"`
		Result struct {
			Text     string  `json:"text"`
			Duration float64 `json:"duration_seconds"`
		} `json:"result"`
	} `json:"data"`
}

// printReceived prints one event: a line of JSON, its id, or a line or two for
// a person.
func (a *app) printReceived(r received, whole bool) error {
	switch {
	case a.json:
		return a.printLine(r)
	case a.quiet:
		a.printf("%s\n", oneLine(r.head.EventID))
		return a.out.err
	}
	st := a.style
	mark, note := st.faint.Render("·"), ""
	if r.Verified != nil {
		mark = st.good.Render("✓")
		if !*r.Verified {
			mark, note = st.bad.Render("✗"), "  "+st.bad.Render(oneLine(r.Problem))
		}
	}
	if r.Attempt > 1 {
		note += st.warn.Render(fmt.Sprintf("  attempt %d", r.Attempt))
	}
	if r.Repeated {
		note += st.warn.Render("  again")
	}
	switch {
	case r.ForwardErr != "":
		note += "  " + st.bad.Render("→ "+oneLine(r.ForwardErr))
	case r.Forwarded >= 200 && r.Forwarded < 300:
		note += "  " + st.good.Render(fmt.Sprintf("→ %d", r.Forwarded))
	case r.Forwarded > 0:
		note += "  " + st.bad.Render(fmt.Sprintf("→ %d", r.Forwarded))
	}
	a.printf("%s %s %s %s %s%s\n", st.faint.Render(r.At.Local().Format(time.TimeOnly)), mark, st.accent.Render(oneLine(r.head.Event)),
		orDash(oneLine(r.head.Data.JobID)), st.faint.Render(oneLine(r.head.EventID)), note)
	if whole {
		return a.printText(string(r.Event) + "\n")
	}
	text := r.head.Data.Result.Text
	if r.head.Data.Error != "" {
		text = r.head.Data.Error
	}
	if text != "" {
		a.printf("         %s\n", st.cut(text, max(40, st.width-10)))
	}
	return a.out.err
}

// forwardHeaders are what goes on to the user's server.
func forwardHeaders(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, "x-voxparse-") || strings.HasPrefix(low, "webhook-") || low == "content-type" || low == "user-agent" {
			out[name] = values
		}
	}
	return out
}
