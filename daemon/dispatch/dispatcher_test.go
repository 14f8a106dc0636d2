package dispatch_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
)

// outbox is a store of deliveries that all are due at once.
type outbox struct {
	mu       sync.Mutex
	due      []store.ClaimedDelivery
	hooks    []store.Webhook
	claimErr []error // of the next claims
	saveErr  []error // of the next records
	disabled string  // what the next record says
	ready    chan struct{}
	recorded []store.Outcome
	attempts []api.Attempt
	released []string
	log      strings.Builder // of the dispatcher, in JSON
}

func newOutbox(perHook int, hooks ...store.Webhook) *outbox {
	o := &outbox{hooks: hooks, ready: make(chan struct{}, 1)}
	for i := range perHook {
		for _, w := range hooks {
			id := fmt.Sprintf("dlv_%s_%d", w.ID, i)
			o.due = append(o.due, store.ClaimedDelivery{Webhook: w, AttemptID: "att_" + id, Event: store.Event{ID: "evt_1", Type: api.EventCompleted, Body: []byte("{}")},
				Delivery: store.Delivery{ID: id, WebhookID: w.ID, LeaseUntil: time.Now().Add(time.Hour)}})
		}
	}
	return o
}

func take(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

func (o *outbox) Webhooks(context.Context) ([]store.Webhook, error) { return o.hooks, nil }

func (o *outbox) ClaimDeliveries(_ context.Context, _ string, _ time.Duration, n, _ int) ([]store.ClaimedDelivery, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := take(&o.claimErr); err != nil {
		return nil, err
	}
	n = min(n, len(o.due))
	batch := o.due[:n:n]
	o.due = o.due[n:]
	return batch, nil
}

// AwaitDeliveries does not wait, as a store need not.
func (o *outbox) AwaitDeliveries(ctx context.Context, owner string, ttl time.Duration, n, each int) ([]store.ClaimedDelivery, error) {
	return o.ClaimDeliveries(ctx, owner, ttl, n, each)
}

func (o *outbox) NextDelivery(context.Context, int) (time.Time, bool, error) {
	return time.Time{}, false, nil
}
func (o *outbox) DeliveriesReady() <-chan struct{} { return o.ready }

func (o *outbox) RecordAttempt(_ context.Context, _ store.Token, att api.Attempt, out store.Outcome) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := take(&o.saveErr); err != nil {
		return "", err
	}
	o.recorded, o.attempts = append(o.recorded, out), append(o.attempts, att)
	return o.disabled, nil
}

func (o *outbox) ReleaseDelivery(_ context.Context, tok store.Token) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.released = append(o.released, tok.ID)
	return nil
}

// Open opens the secrets of all webhooks but one.
func (o *outbox) Open(_ []byte, webhookID string) ([]byte, error) {
	if webhookID == "whk_sealed" {
		return nil, api.Errorf(api.Internal, "the key is another one")
	}
	return []byte(api.SecretPrefix + strings.Repeat("0", 64)), nil
}

// answers sends nothing and answers by the webhook's URL.
type answers map[string]func(ctx context.Context) api.Attempt

func (a answers) Send(ctx context.Context, t sender.Target, _ http.Header, _ []byte) api.Attempt {
	return a[t.URL](ctx)
}

func status(code int) func(context.Context) api.Attempt {
	return func(context.Context) api.Attempt { return api.Attempt{Status: code} }
}

// counter counts what is disabled.
type counter struct {
	mu       sync.Mutex
	disabled int
}

func (*counter) Attempt(api.DeliveryStatus, api.Attempt) {}
func (c *counter) WebhookDisabled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disabled++
}

// run runs a dispatcher over o in a bubble until everything is idle, then stops.
func run(t *testing.T, o *outbox, a answers, during func(d *dispatch.Dispatcher)) *counter {
	t.Helper()
	c := &counter{}
	d := dispatch.New(dispatch.Config{Outbox: o, Webhooks: o, Failed: make(chan struct{}), Owner: "run_1", Secrets: o, Sender: a, Schedule: dispatch.DefaultSchedule,
		Metrics: c, Attempted: func() {}, Logger: slog.New(slog.NewJSONHandler(&o.log, nil))})
	claim, stopClaiming := context.WithCancel(t.Context())
	stop, stopWork := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(claim, stop)
	}()
	synctest.Wait()
	if during != nil {
		during(d)
	}
	stopClaiming()
	synctest.Wait()
	stopWork()
	<-ended
	return c
}

func TestDispatcher_recordsWhatCameOfAnAttempt(t *testing.T) {
	for _, c := range []struct {
		code int
		want store.Outcome
	}{
		{200, store.Outcome{Status: api.DeliveryDelivered, Soon: true}},
		{500, store.Outcome{Status: api.DeliveryPending}},
		{410, store.Outcome{Status: api.DeliveryFailed, Gone: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOutbox(20, store.Webhook{ID: "whk_1", URL: "x", Active: true})
			run(t, o, answers{"x": status(c.code)}, nil)
			if len(o.recorded)+len(o.released) != 20 || len(o.recorded) == 0 {
				t.Fatalf("%d: got %d recorded and %d released, want 20 in all", c.code, len(o.recorded), len(o.released))
			}
			for i, got := range o.recorded {
				if got.RetryAt.IsZero() == (c.code == 500) {
					t.Errorf("%d: got the next try at %v", c.code, got.RetryAt)
				}
				got.RetryAt = time.Time{}
				if !reflect.DeepEqual(got, c.want) || o.attempts[i].Number != 1 || o.attempts[i].ID == "" {
					t.Errorf("%d: got %+v of attempt %+v, want %+v", c.code, got, o.attempts[i], c.want)
				}
			}
			if c.code != 200 && len(o.released) == 0 {
				t.Errorf("%d: got nothing released, want what waits of a receiver that fails", c.code)
			}
		})
	}
}

func TestDispatcher_aFailedAttemptIsLogged(t *testing.T) {
	fails := func(code int) func(context.Context) api.Attempt {
		return func(context.Context) api.Attempt {
			return api.Attempt{Status: code, ErrorKind: api.AttemptStatus, Error: "it answered", ResponseBody: "TOKEN", ResponseHeaders: map[string]string{"X-Key": "TOKEN"}}
		}
	}
	for name, tt := range map[string]struct {
		code     int
		attempts int    // before this one
		disabled string // by this one
		want     string
		next     bool
	}{
		"delivered":            {code: 200},
		"tried again":          {code: 500, want: "an attempt failed", next: true},
		"the last":             {code: 500, attempts: 3, want: "an attempt failed, and it was the last"},
		"gone":                 {code: 410, want: "an attempt failed, and it was the last"},
		"disables the webhook": {code: 500, disabled: api.DisabledFailing, want: "an attempt failed; the next is made once the webhook is enabled"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOutbox(1, store.Webhook{ID: "whk_1", URL: "https://example.com/?TOKEN", Active: true})
			o.due[0].Delivery.Attempts, o.disabled = tt.attempts, tt.disabled
			run(t, o, answers{"https://example.com/?TOKEN": fails(tt.code)}, nil)
			line, _, _ := strings.Cut(o.log.String(), "\n")
			var got struct {
				Level, Msg, Webhook, Delivery, Event, Kind, Cause string
				Attempt                                           int
				NextDue                                           time.Time `json:"next_due"`
			}
			if tt.want == "" {
				if line != "" {
					t.Errorf("%s: got %s, want nothing logged", name, line)
				}
				return
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%s: got %q: %v", name, line, err)
			}
			if got.Level != "WARN" || got.Msg != tt.want || got.Webhook != "whk_1" || got.Delivery != "dlv_whk_1_0" || got.Event != api.EventCompleted ||
				got.Kind != api.AttemptStatus || got.Cause != "it answered" || got.Attempt != tt.attempts+1 || got.NextDue.After(time.Now()) != tt.next {
				t.Errorf("%s: got %s, want %q", name, line, tt.want)
			}
			if strings.Contains(o.log.String(), "TOKEN") {
				t.Errorf("%s: got %s, want no answer, no URL and no secret in it", name, o.log.String())
			}
		})
	}
}

func TestDispatcher_ourOwnFaultsAreNotCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(1, store.Webhook{ID: "whk_sealed", URL: "x"}, store.Webhook{ID: "whk_local", URL: "local"}, store.Webhook{ID: "whk_short", URL: "x"})
		o.due[2].Delivery.LeaseUntil = time.Now().Add(time.Second)
		run(t, o, answers{"local": func(context.Context) api.Attempt { return api.Attempt{ErrorKind: api.AttemptLocal, Error: "no ports"} }}, func(*dispatch.Dispatcher) { time.Sleep(time.Minute) })
		if len(o.recorded) != 0 || len(o.released) != 3 {
			t.Errorf("got %v recorded and %v released, want three released", o.recorded, o.released)
		}
	})
}

func TestDispatcher_aTestIsNotTriedAgain(t *testing.T) {
	for name, url := range map[string]string{"refused": "x", "spoilt by this machine": "local", "secret that cannot be opened": "whk_sealed"} {
		synctest.Test(t, func(t *testing.T) {
			o := newOutbox(1, store.Webhook{ID: cmp.Or(map[string]string{"whk_sealed": url}[url], "whk_1"), URL: url, Active: true})
			o.due[0].Event.Type = api.EventTest
			run(t, o, answers{"x": status(500), "local": func(context.Context) api.Attempt { return api.Attempt{ErrorKind: api.AttemptLocal, Error: "no ports"} }}, nil)
			if len(o.recorded) != 1 || o.recorded[0].Status != api.DeliveryFailed || len(o.released) != 0 {
				t.Errorf("%s: got %v recorded and %v released, want one failed for good at once", name, o.recorded, o.released)
			}
			if url != "x" && (len(o.attempts) != 1 || o.attempts[0].Error == "" || o.attempts[0].ErrorKind != api.AttemptLocal) {
				t.Errorf("%s: got the attempts %+v, want one that says what kept it from being sent", name, o.attempts)
			}
		})
	}
}

func TestDispatcher_aStopInterruptsAndReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(30, store.Webhook{ID: "whk_1", URL: "slow"})
		asked := 0
		run(t, o, answers{"slow": func(ctx context.Context) api.Attempt {
			o.mu.Lock()
			asked++
			o.mu.Unlock()
			<-ctx.Done()
			return api.Attempt{ErrorKind: api.AttemptLocal}
		}}, func(d *dispatch.Dispatcher) {
			if err := d.Check(t.Context()); err != nil {
				t.Errorf("got %v, want loops that go on", err)
			}
		})
		if asked != 8 || len(o.released) != 30 || len(o.recorded) != 0 {
			t.Errorf("got %d requests, %d released and %d recorded, want 8 in flight and 30 released", asked, len(o.released), len(o.recorded))
		}
	})
}

func TestDispatcher_waitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(1, store.Webhook{ID: "whk_1", URL: "x"})
		o.claimErr = []error{api.Unavailable, api.Unavailable}
		o.saveErr = []error{api.Unavailable, api.Unavailable}
		o.disabled = "failures"
		c := run(t, o, answers{"x": status(200)}, func(*dispatch.Dispatcher) { time.Sleep(time.Minute) })
		if len(o.recorded) != 1 || c.disabled != 1 {
			t.Errorf("got %d recorded and %d disabled, want one of each", len(o.recorded), c.disabled)
		}
		o = newOutbox(2, store.Webhook{ID: "whk_1", URL: "x"})
		o.saveErr = []error{api.LeaseLost, api.Internal}
		run(t, o, answers{"x": status(200)}, nil)
		if len(o.recorded) != 0 {
			t.Errorf("got %d recorded, want none: the lease was lost, and the store refuses", len(o.recorded))
		}
	})
}

func TestDispatcher_Drop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(20, store.Webhook{ID: "whk_1", URL: "slow"})
		end := make(chan struct{})
		run(t, o, answers{"slow": func(context.Context) api.Attempt { <-end; return api.Attempt{Status: 200} }}, func(d *dispatch.Dispatcher) {
			d.Drop("whk_1")
			synctest.Wait()
			if len(o.released) != 12 {
				t.Errorf("got %d released, want the 12 that were not under way", len(o.released))
			}
			close(end)
			synctest.Wait()
		})
		if len(o.recorded) != 8 {
			t.Errorf("got %d recorded, want the 8 that were under way", len(o.recorded))
		}
	})
}
