package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

func webhooksTestCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "Send a webhook.test event and show how it went", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Example: "  voxparse webhooks test whk_01k…",
		RunE: func(c *cobra.Command, got []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := webhookID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			d, err := cl.TestWebhook(c.Context(), id)
			if err != nil {
				return err
			}
			if err := printOne(a, d, d.ID, func() { a.showDelivery(d) }); err != nil {
				return err
			}
			if d.Status != api.DeliveryDelivered {
				return notArrived("the test", d)
			}
			return nil
		},
	}
}

// notArrived is the error of a delivery whose latest attempt failed, or that was
// not attempted in time.
func notArrived(what string, d api.Delivery) error {
	if len(d.Attempts) == 0 {
		return exitError{code: exitFailed, err: fmt.Errorf("%s was not sent yet: it is %s; see: voxparse webhooks delivery %s", what, d.Status, d.ID)}
	}
	return exitError{code: exitFailed, err: fmt.Errorf("%s did not arrive: %s", what, attemptOutcome(d.Attempts[len(d.Attempts)-1]))}
}

func webhooksDeliveriesCmd(a *app) *cobra.Command {
	var limit int
	var status, job string
	c := &cobra.Command{
		Use: "deliveries ID", Short: "Show the delivery log of a webhook, newest first", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Example: "  voxparse webhooks deliveries whk_01k… --status failed_permanent\n  voxparse webhooks delivery dlv_01k…   (one of them, with every attempt)",
		RunE: func(c *cobra.Command, got []string) error {
			if err := oneOf("status", status, api.DeliveryStatuses...); err != nil {
				return err
			}
			if limit < 1 {
				return usagef("--limit is at least 1")
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := webhookID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			if job != "" {
				if job, err = jobID(c.Context(), cl, job); err != nil {
					return err
				}
			}
			list, err := listDeliveries(c.Context(), cl, id, client.DeliveryQuery{Status: api.DeliveryStatus(status), JobID: job}, limit)
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "STATUS", "CREATED", "EVENT", "JOB", "ATTEMPTS", "NEXT"}}
			for _, d := range list {
				t.add(d.ID, a.style.deliveryStatus(d.Status), a.style.when(d.CreatedAt), d.EventType, orDash(d.JobID), strconv.Itoa(d.AttemptCount), a.style.when(d.NextDueAt))
			}
			return printList(a, list, func(d api.Delivery) string { return d.ID }, t, "no deliveries; send one with: voxparse webhooks test "+id)
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", api.DefaultListLimit, "`N` deliveries at most")
	c.Flags().StringVar(&status, "status", "", "only this `STATUS`: "+strings.Join(api.DeliveryStatuses, ", "))
	alsoNamed(c, "status", "state")
	c.Flags().StringVar(&job, "job", "", "only of this job (`ID`)")
	complete(c, "status", api.DeliveryStatuses...)
	completeBy(c, "job", a.completeJobs())
	return c
}

func listDeliveries(ctx context.Context, c *client.Client, webhook string, q client.DeliveryQuery, n int) ([]api.Delivery, error) {
	var out []api.Delivery
	seen := map[string]bool{}
	for len(out) < n {
		q.Limit = min(api.MaxListLimit, n-len(out))
		page, err := c.Deliveries(ctx, webhook, q)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if !seen[d.ID] {
				seen[d.ID] = true
				out = append(out, d)
			}
		}
		if len(page) < q.Limit {
			break
		}
		q.Offset += len(page)
	}
	return out, nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func webhooksDeliveryCmd(a *app) *cobra.Command {
	var request, response bool
	c := &cobra.Command{
		Use: "delivery ID", Short: "Show one delivery with every attempt", Args: args("ID"),
		Long:    "Show one delivery with every attempt. ID is the delivery's, or one that a receiver saw in X-VoxParse-Delivery-Id.",
		Example: "  voxparse webhooks delivery dlv_01k… --response\n  voxparse webhooks delivery dlv_01k… --request",
		RunE: func(c *cobra.Command, got []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			d, err := cl.Delivery(c.Context(), got[0])
			if err != nil {
				return err
			}
			return printOne(a, d, d.ID, func() {
				a.showDelivery(d)
				for _, t := range d.Attempts {
					if request && len(t.RequestHeaders) > 0 {
						a.showHTTP("request of "+t.ID, t.RequestHeaders, d.RequestBody)
					}
					if response && (t.ResponseBody != "" || len(t.ResponseHeaders) > 0) {
						a.showHTTP("response to "+t.ID, t.ResponseHeaders, t.ResponseBody)
						if t.Truncated {
							a.printf("%s\n", a.style.faint.Render("(cut here)"))
						}
					}
				}
			})
		},
	}
	c.Flags().BoolVar(&request, "request", false, "also show what was sent, headers and body")
	c.Flags().BoolVar(&response, "response", false, "also show what the receiver answered")
	return c
}

func (a *app) showDelivery(d api.Delivery) {
	a.field("id", d.ID)
	a.field("status", a.style.deliveryStatus(d.Status))
	a.field("event", d.EventType+" "+d.EventID)
	a.field("webhook", d.WebhookID)
	a.field("job", d.JobID)
	a.field("created", a.style.when(d.CreatedAt))
	if !d.NextDueAt.IsZero() {
		a.field("next try", a.style.when(d.NextDueAt))
	}
	a.field("sent again", d.RedeliveryOf)
	for _, t := range d.Attempts {
		a.field(fmt.Sprintf("attempt %d", t.Number), fmt.Sprintf("%s  %s  %.0f ms  %s", t.ID, a.style.when(t.StartedAt), t.DurationMS, a.colorOutcome(t)))
	}
}

// showHTTP shows one side of an attempt.
func (a *app) showHTTP(title string, headers map[string]string, body string) {
	a.printf("\n%s\n", a.style.faint.Render(title))
	for _, n := range slices.Sorted(maps.Keys(headers)) {
		a.printf("%s: %s\n", oneLine(n), oneLine(headers[n]))
	}
	a.printf("\n%s\n", clean(body))
}

func attemptOutcome(t api.Attempt) string {
	switch {
	case t.Error != "":
		return oneLine(t.Error)
	case t.Status > 0:
		return fmt.Sprintf("status %d", t.Status)
	}
	return "no answer"
}

func (a *app) colorOutcome(t api.Attempt) string {
	if t.Status >= 200 && t.Status < 300 && t.Error == "" {
		return a.style.good.Render(attemptOutcome(t))
	}
	return a.style.bad.Render(attemptOutcome(t))
}

func webhooksRedeliverCmd(a *app) *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: "redeliver DELIVERY…", Short: "Send deliveries again: the same event, a new delivery", Args: args("DELIVERY…"),
		Example: "  voxparse webhooks redeliver dlv_01k… --wait",
		RunE: func(c *cobra.Command, got []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return a.each(got, func(id string) error {
				d, err := cl.Redeliver(c.Context(), id)
				if err == nil && wait {
					d, err = awaitAttempt(c.Context(), cl, d)
				}
				if err != nil {
					return err
				}
				if err := a.printRedelivery(d, wait, len(got) > 1); err != nil {
					return err
				}
				if wait && len(d.Attempts) > 0 && d.Status != api.DeliveryDelivered {
					return notArrived("it", d)
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait for the first attempt, up to 70s, and show how it went")
	return c
}

func (a *app) printRedelivery(d api.Delivery, whole, several bool) error {
	if a.json && several {
		return a.printLine(d)
	}
	return printOne(a, d, d.ID, func() {
		if whole {
			a.showDelivery(d)
			return
		}
		a.printf("%s %s\n", d.ID, d.Status)
	})
}

// awaitAttempt looks at a delivery until it has an attempt. The API has no
// stream of deliveries, and a person waits here.
func awaitAttempt(ctx context.Context, c *client.Client, d api.Delivery) (api.Delivery, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 70*time.Second, api.Errorf(api.TimedOut, "no attempt after 70 s; see: voxparse webhooks delivery %s", d.ID))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := c.Delivery(ctx, d.ID)
		if err != nil || len(now.Attempts) > 0 || now.Status == api.DeliveryHeld || now.Status == api.DeliveryCancelled {
			return now, err
		}
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func webhooksReplayCmd(a *app) *cobra.Command {
	var since, until string
	var statuses []string
	c := &cobra.Command{
		Use: "replay ID", Short: "Send the deliveries of a time window again, in the background", Args: args("ID"), ValidArgsFunction: a.completeWebhooks(),
		Example: "  voxparse webhooks replay whk_01k… --since 24h\n  voxparse webhooks replay whk_01k… --since 2026-05-03 --until 2026-05-04 --status delivered,failed_permanent",
		RunE: func(c *cobra.Command, got []string) error {
			if since == "" {
				return usagef("--since says from when on: a duration (24h, 7d), a date or a time")
			}
			from, err := parseFrom("since", since)
			till, err2 := parseSince(until)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := webhookID(c.Context(), cl, got[0])
			if err != nil {
				return err
			}
			r, err := cl.Replay(c.Context(), id, api.ReplayRequest{Since: from, Until: till, Statuses: statuses})
			if err != nil {
				return err
			}
			return printOne(a, r, strconv.Itoa(r.Deliveries), func() {
				a.printf("%s sent again\n", plural(r.Deliveries, "delivery is", "deliveries are"))
				if r.More {
					a.printf("there are more; the replay continues in the background\n")
				}
			})
		},
	}
	c.Flags().StringVar(&since, "since", "", "from this `TIME` on: a duration back (24h, 7d), a date or a time")
	c.Flags().StringVar(&until, "until", "", "until this `TIME` (default: now)")
	c.Flags().StringSliceVar(&statuses, "status", nil, "those with this `STATUS`: failed_permanent, delivered or cancelled; repeatable (default failed_permanent)")
	alsoNamed(c, "status", "state")
	complete(c, "status", "failed_permanent", "delivered", "cancelled")
	return c
}
