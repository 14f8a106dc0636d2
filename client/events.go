package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// message is one server-sent event.
type message struct {
	id, event string
	data      []byte
}

// Reconnection of streams: a restart of the daemon is to go unnoticed, its end
// is to be told.
var reconnect = retry.Backoff{First: 100 * time.Millisecond, Most: 2 * time.Second}

// reconnectFor is how long that goes on without a connection.
const reconnectFor = 30 * time.Second

// maxEvent bounds one server-sent event, in bytes.
const maxEvent = 4 << 20

// errDone ends a stream from within its handler.
var errDone = errors.New("stream ended")

// JobEvents calls fn with every event of a job until the job has ended; the
// last one bears the final state. A broken connection is made again for up to
// 30 s. An error of fn ends the stream and is returned.
func (c *Client) JobEvents(ctx context.Context, id string, fn func(api.JobEvent) error) error {
	return c.stream(ctx, "/v1/jobs/"+segment(id)+"/events", "", func(m message) error {
		var e api.JobEvent
		if err := json.Unmarshal(m.data, &e); err != nil {
			return fmt.Errorf("read a job event: %w", err)
		}
		if e.Job.ID == "" {
			return nil
		}
		if err := fn(e); err != nil {
			return err
		}
		if e.Job.Status.Terminal() {
			return errDone
		}
		return nil
	})
}

// Events calls fn with every webhook event as it is committed: its place in the
// stream and its body as receivers get it. after is the place to go on from, ""
// for what comes from now on. It ends with ctx or an error of fn.
func (c *Client) Events(ctx context.Context, after string, fn func(place string, body []byte) error) error {
	return c.stream(ctx, "/v1/events", after, func(m message) error {
		if len(m.data) == 0 {
			return nil
		}
		return fn(m.id, m.data)
	})
}

// stream reads a server-sent stream, connecting again when it breaks.
func (c *Client) stream(ctx context.Context, path, last string, fn func(message) error) error {
	waits, lost := reconnect.Start(), time.Now()
	for {
		var own error
		opened, err := c.streamOnce(ctx, path, last, func(m message) error {
			if m.id != "" {
				last = m.id
			}
			waits.Reset()
			own = fn(m)
			return own
		})
		if opened {
			lost = time.Now()
		}
		switch {
		case errors.Is(own, errDone):
			return nil
		case own != nil:
			return own
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !errors.Is(err, api.Unavailable) && !errors.Is(err, api.Unknown):
			return err
		case time.Since(lost) > reconnectFor:
			return err
		}
		if err := retry.Sleep(ctx, waits.Next()); err != nil {
			return err
		}
	}
}

// streamOnce reads one connection to its end and reports whether it was made.
func (c *Client) streamOnce(ctx context.Context, path, last string, fn func(message) error) (opened bool, err error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := c.send(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if err = readEvents(resp.Body, fn); err != nil {
		err = c.broken(ctx, err)
	}
	return true, err
}

// readEvents reads server-sent events as the HTML standard says and calls fn
// with each. An event that is not finished when the stream ends is dropped.
func readEvents(r io.Reader, fn func(message) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 16<<10), maxEvent)
	s.Split(splitLines)
	var m message
	var some bool
	for s.Scan() {
		line := s.Text()
		if line == "" {
			if some {
				m.data = bytes.TrimSuffix(m.data, []byte("\n"))
				if err := fn(m); err != nil {
					return err
				}
			}
			m, some = message{id: m.id}, false
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			m.data = append(append(m.data, value...), '\n')
			some = true
		case "event":
			m.event = value
		case "id":
			if !strings.ContainsRune(value, 0) {
				m.id = value
			}
		case "retry", "":
			// Our own delays apply; a comment only keeps the connection alive.
		}
	}
	return s.Err()
}

// splitLines ends a line at LF, CRLF or CR.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	case i+1 < len(data) || atEOF:
		return i + 1, data[:i], nil
	}
	return 0, nil, nil // CR at the end: LF may follow
}
