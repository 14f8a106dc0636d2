package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/voxparse/voxparse/internal/httpx"
	"github.com/voxparse/voxparse/webhook"
)

// receiver is the local server of `voxparse listen`.
type receiver struct {
	a      *app
	flags  listenFlags
	secret string
	http   *http.Client

	mu   sync.Mutex // of what follows, and of stdout
	seen map[string]bool
	n    int
	done chan error // capacity 1: why it ends
}

func newReceiver(a *app, f listenFlags, secret string) *receiver {
	return &receiver{a: a, flags: f, secret: secret, seen: map[string]bool{}, done: make(chan error, 1),
		http: &http.Client{Timeout: 14 * time.Second, CheckRedirect: httpx.NoRedirect}}
}

// serve receives at path until ctx ends or enough events have come.
func (r *receiver) serve(ctx context.Context, l net.Listener, path string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, r.receive)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-r.done:
	case err = <-served:
		return fmt.Errorf("receive webhooks: %w", err)
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if down := s.Shutdown(stop); down != nil {
		err = errors.Join(err, s.Close())
	}
	<-served //nolint:errcheck // it says that the server was closed
	return err
}

// receive verifies, forwards, prints and answers one request.
func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, "read the body", http.StatusBadRequest)
		return
	}
	got := received{At: time.Now().UTC(), DeliveryID: req.Header.Get(webhook.HeaderDeliveryID)}
	if n, err := strconv.Atoi(req.Header.Get(webhook.HeaderAttempt)); err == nil {
		got.Attempt = n
	}
	ok, status := true, http.StatusNoContent
	if err := webhook.Verify(body, req.Header, r.secret, webhook.DefaultTolerance); err != nil {
		ok, got.Problem, status = false, err.Error(), http.StatusUnauthorized
	}
	got.Verified = &ok
	if json.Valid(body) {
		got.Event = body
		if err := json.Unmarshal(body, &got.head); err != nil {
			got.Problem = "the body is JSON, but no event: " + err.Error()
		}
	}
	if ok && r.flags.forwardTo != "" {
		status = r.forward(req, body, &got)
	}
	w.WriteHeader(status)
	r.print(got)
}

// forward sends a request on and returns the status to answer with.
func (r *receiver) forward(req *http.Request, body []byte, got *received) int {
	out, err := http.NewRequestWithContext(req.Context(), http.MethodPost, r.flags.forwardTo, bytes.NewReader(body))
	if err != nil {
		got.ForwardErr = err.Error()
		return http.StatusBadGateway
	}
	out.Header = forwardHeaders(req.Header)
	resp, err := r.http.Do(out)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		got.ForwardErr = err.Error()
		return http.StatusBadGateway
	}
	defer resp.Body.Close()
	got.Forwarded = resp.StatusCode
	if err := httpx.Drain(resp.Body); err != nil {
		got.ForwardErr = err.Error()
	}
	return resp.StatusCode
}

func (r *receiver) print(got received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flags.max > 0 && r.n >= r.flags.max {
		return
	}
	got.Repeated = got.head.EventID != "" && r.seen[got.head.EventID]
	r.seen[got.head.EventID] = true
	err := r.a.printReceived(got, r.flags.body)
	r.n++
	if err != nil || r.n == r.flags.max {
		r.end(err)
	}
}

// end ends serve, for the first reason that comes.
func (r *receiver) end(why error) {
	select {
	case r.done <- why:
	default:
	}
}
