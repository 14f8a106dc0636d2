package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// streamPulse is how often a silent stream gets a comment, so that a dead
// connection is noticed on either side.
const streamPulse = 15 * time.Second

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
	b  bytes.Buffer
}

func newStream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &stream{w: w, rc: http.NewResponseController(w)}
}

// send writes one event. data holds no line break: it is JSON.
func (s *stream) send(id, event string, data []byte) error {
	s.b.Reset()
	if id != "" {
		fmt.Fprintf(&s.b, "id: %s\n", id)
	}
	fmt.Fprintf(&s.b, "event: %s\ndata: %s\n\n", event, data)
	return s.flush()
}

func (s *stream) pulse() error {
	s.b.Reset()
	s.b.WriteString(": \n\n")
	return s.flush()
}

func (s *stream) flush() error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writePause)); err != nil {
		return err
	}
	if _, err := s.w.Write(s.b.Bytes()); err != nil {
		return err
	}
	return s.rc.Flush()
}

// jobEvents serves GET /v1/jobs/{id}/events. The stream begins with the state
// as it is and ends with a terminal one. An error once it has begun means that
// the client has gone.
func (d *Daemon) jobEvents(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	wait := d.hub.join(id)
	defer wait.leave()
	job, err := d.db.Job(r.Context(), id)
	if err != nil {
		return err
	}
	s := newStream(w)
	event := api.JobEvent{Type: eventStatus, Job: d.viewJob(job)}
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	for {
		data, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("encode the state of %s: %w", id, err)
		}
		if s.send("", event.Type, data) != nil || event.Job.Status.Terminal() {
			return nil
		}
		if event, err = nextEvent(r.Context(), d.halted, s, wait, pulse.C); err != nil {
			return nil
		}
	}
}

func nextEvent(ctx context.Context, halted <-chan struct{}, s *stream, wait *listener, pulse <-chan time.Time) (api.JobEvent, error) {
	for {
		select {
		case <-wait.ready:
			if e, ok := wait.take(); ok {
				return e, nil
			}
		case <-pulse:
			if err := s.pulse(); err != nil {
				return api.JobEvent{}, err
			}
		case <-ctx.Done():
			return api.JobEvent{}, ctx.Err()
		case <-halted:
			return api.JobEvent{}, api.Unavailable
		}
	}
}

// bell wakes any number of waiters at once.
type bell struct {
	mu     sync.Mutex
	c      chan struct{}
	waited bool // somebody has c
}

func newBell() *bell { return &bell{c: make(chan struct{})} }

// wait returns a channel that the next ring closes.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waited = true
	return b.c
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waited {
		close(b.c)
		b.c, b.waited = make(chan struct{}), false
	}
}

// eventsPage is how many events are read at a time.
const eventsPage = 100

// events serves GET /v1/events: every webhook event as it is committed, with
// its body, from the one after Last-Event-ID on, or from now on.
func (d *Daemon) events(w http.ResponseWriter, r *http.Request) error {
	after := d.lastEvent.Load()
	if s := r.Header.Get("Last-Event-ID"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return api.Errorf(api.Invalid, "Last-Event-ID: got %q, want a number", s)
		}
		after = n
	}
	s := newStream(w)
	if s.pulse() != nil {
		return nil // the headers tell the client that it misses nothing from here on
	}
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	for {
		rung := d.committed.wait()
		page, err := d.db.EventsSince(r.Context(), after, eventsPage)
		if err != nil {
			return nil
		}
		for _, e := range page {
			if s.send(strconv.FormatUint(e.Seq, 10), e.Type, e.Body) != nil {
				return nil
			}
			after = e.Seq
		}
		if len(page) == eventsPage {
			continue
		}
		select {
		case <-rung:
		case <-pulse.C:
			if s.pulse() != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-d.halted:
			return nil
		}
	}
}

// followEvents tells the streams and those who wait for a job about every
// event that is committed, until ctx ends. It begins after the last one.
func (d *Daemon) followEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.db.EventsReady():
		}
		for {
			page, err := d.db.EventsSince(ctx, d.lastEvent.Load(), eventsPage)
			if err != nil {
				if ctx.Err() == nil {
					d.log.Error("read events", "error", err)
				}
				break
			}
			for _, e := range page {
				d.lastEvent.Store(e.Seq)
				d.tellJob(ctx, e.JobID)
			}
			if len(page) < eventsPage {
				break
			}
		}
		d.committed.ring()
	}
}

// tellJob publishes the state of a job that somebody waits for.
func (d *Daemon) tellJob(ctx context.Context, id string) {
	if id == "" || !d.hub.wanted(id) {
		return
	}
	job, err := d.db.Job(ctx, id)
	if err != nil {
		d.log.Error("read a job", "job", id, "error", err)
		return
	}
	d.hub.publish(eventStatus, d.viewJob(job))
}
