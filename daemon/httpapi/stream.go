package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
)

// keepAliveEvery is how often a silent stream gets a comment, so that a dead
// connection is noticed on either side.
const keepAliveEvery = 15 * time.Second

// streamType is the content type of server-sent events.
const streamType = "text/event-stream"

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
	b  bytes.Buffer
}

func newStream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", streamType)
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

// keepAlive writes a comment.
func (s *stream) keepAlive() error {
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

// jobEvents serves GET /v1/jobs/{id}/events. The stream begins with the job as
// it is and ends with a terminal status. An error once it has begun means that
// the client has gone.
func (srv *server) jobEvents(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	wait := srv.cfg.Feed.Subscribe(id)
	defer wait.Close()
	job, err := srv.cfg.Jobs.Job(r.Context(), id)
	if err != nil {
		return err
	}
	s := newStream(w)
	event := api.JobEvent{Type: feed.Status, Job: srv.cfg.Runner.View(job)}
	keepAlive := time.NewTicker(keepAliveEvery)
	defer keepAlive.Stop()
	for {
		data, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("encode the status of %s: %w", id, err)
		}
		if s.send("", event.Type, data) != nil || event.Job.Status.Terminal() {
			return nil
		}
		if event, err = nextEvent(r.Context(), srv.cfg.Halted, s, wait, keepAlive.C); err != nil {
			return nil
		}
	}
}

// nextEvent returns the next event of a job. Until there is one it keeps the
// stream alive; the error means that the stream is to end.
func nextEvent(ctx context.Context, halted <-chan struct{}, s *stream, wait *feed.Subscription, keepAlive <-chan time.Time) (api.JobEvent, error) {
	for {
		select {
		case <-wait.Ready():
			if e, ok := wait.Take(); ok {
				return e, nil
			}
		case <-keepAlive:
			if err := s.keepAlive(); err != nil {
				return api.JobEvent{}, err
			}
		case <-ctx.Done():
			return api.JobEvent{}, ctx.Err()
		case <-halted:
			return api.JobEvent{}, api.Unavailable
		}
	}
}

// events serves GET /v1/events: every webhook event as it is committed, with
// its body, from the one after Last-Event-ID on, or from now on.
func (srv *server) events(w http.ResponseWriter, r *http.Request) error {
	after := srv.cfg.Feed.Last()
	if s := r.Header.Get("Last-Event-ID"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return api.Errorf(api.Invalid, "Last-Event-ID: got %q, want a number", s)
		}
		after = n
	}
	s := newStream(w)
	if s.keepAlive() != nil {
		return nil // the headers tell the client that it misses nothing from here on
	}
	keepAlive := time.NewTicker(keepAliveEvery)
	defer keepAlive.Stop()
	for {
		committed := srv.cfg.Feed.Committed()
		page, err := srv.cfg.Events.EventsSince(r.Context(), after, feed.PageSize)
		if err != nil {
			return nil
		}
		for _, e := range page {
			if s.send(strconv.FormatUint(e.Seq, 10), e.Type, e.Body) != nil {
				return nil
			}
			after = e.Seq
		}
		if len(page) == feed.PageSize {
			continue
		}
		select {
		case <-committed:
		case <-keepAlive.C:
			if s.keepAlive() != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-srv.cfg.Halted:
			return nil
		}
	}
}
