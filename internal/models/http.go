package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/voxparse/voxparse/internal/retry"
)

// downloader returns a client for long downloads: no limit on the whole, which
// Options.Stall bounds, but on each step before the first byte.
func downloader() *http.Client {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression:    true, // ranges are of the bytes as they are
		ForceAttemptHTTP2:     true,
		IdleConnTimeout:       30 * time.Second,
	}
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("more than 10 redirects")
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("redirected from https to " + req.URL.Scheme)
		}
		return nil
	}}
}

// urlSource is a file behind a URL.
type urlSource struct {
	store *Store
	url   string
}

func (s urlSource) String() string { return redactURL(s.url) }

// A source is given up when so many requests in a row brought fewer new bytes
// than minGain.
const (
	maxIdle = 3
	minGain = 64 << 10
)

// transient is a fault that may be gone at the next request.
type transient struct{ err error }

func (e transient) Error() string { return e.err.Error() }
func (e transient) Unwrap() error { return e.err }

// fetch asks for what p lacks, again and again as long as that brings bytes.
func (s urlSource) fetch(ctx context.Context, p *part) error {
	waits := retry.Backoff{First: s.store.pause, Most: s.store.pause << maxIdle}.Start()
	for idle := 0; ; {
		before := p.n
		err := s.request(ctx, p)
		var again transient
		if err == nil || !errors.As(err, &again) || ctx.Err() != nil {
			return err
		}
		if p.n-before >= minGain {
			idle = 0
			waits.Reset()
			continue
		}
		if idle++; idle >= maxIdle {
			return err
		}
		if err := retry.Sleep(ctx, waits.Next()); err != nil {
			return err
		}
	}
}

var errStalled = errors.New("no data arrived for too long")

// request makes one request and appends its body to p.
func (s urlSource) request(ctx context.Context, p *part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(s.store.opts.Stall, func() { cancel(errStalled) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return errors.New("the URL cannot be read")
	}
	req.Header.Set("User-Agent", "voxparse")
	from := s.resume(req, p)
	resp, err := s.store.client.Do(req)
	if err != nil {
		return s.classify(ctx, err)
	}
	defer resp.Body.Close()
	if err := s.accept(resp, p, from); err != nil {
		return err
	}
	_, err = io.Copy(p, &watchedReader{resp.Body, watchdog, s.store.opts.Stall})
	var local *writeError
	if err == nil || errors.Is(err, errTooLong) || errors.As(err, &local) {
		return err
	}
	return s.classify(ctx, err)
}

// resume asks for the rest of p, of the same thing where the server gave it a
// name; without one the hash tells. It returns the first byte asked for.
func (s urlSource) resume(req *http.Request, p *part) int64 {
	if p.n == 0 {
		return 0
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.n))
	if o := p.loadOrigin(); o.URL == s.url {
		switch {
		case o.ETag != "":
			req.Header.Set("If-Range", o.ETag)
		case o.Modified != "":
			req.Header.Set("If-Range", o.Modified)
		}
	}
	return p.n
}

// accept looks at the head of an answer, and readies p for its body.
func (s urlSource) accept(resp *http.Response, p *part, from int64) error {
	length := resp.ContentLength
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && from > 0:
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", from)) {
			return errors.Join(transient{errors.New("it answered with a different range")}, p.reset())
		}
		length = addKnown(length, from)
	case code == http.StatusOK:
		if err := p.reset(); err != nil {
			return err
		}
	case code == http.StatusRequestedRangeNotSatisfiable && from > 0:
		return errors.Join(transient{errors.New("it does not have the requested range")}, p.reset())
	case code == http.StatusTooManyRequests, code >= 500:
		return transient{errors.New("it answered " + resp.Status)}
	default:
		return errors.New("it answered " + resp.Status)
	}
	if p.limit > 0 && length >= 0 && length != p.limit {
		return fmt.Errorf("it has %d bytes, want %d", length, p.limit)
	}
	return p.saveOrigin(originOf(s.url, resp.Header))
}

func addKnown(length, from int64) int64 {
	if length < 0 {
		return length
	}
	return length + from
}

// originOf keeps what If-Range may use: a strong ETag, else a date.
func originOf(url string, h http.Header) origin {
	o := origin{URL: url, ETag: h.Get("ETag"), Modified: h.Get("Last-Modified")}
	if strings.HasPrefix(o.ETag, "W/") {
		o.ETag = ""
	}
	return o
}

// classify makes a network error transient, and drops the URL, which the
// caller names.
func (s urlSource) classify(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return transient{fmt.Errorf("no data arrived for %s", s.store.opts.Stall)}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return err // asking again would only take longer
	}
	return transient{err}
}

// watchedReader resets the watchdog whenever data arrives.
type watchedReader struct {
	r        io.Reader
	watchdog *time.Timer
	stall    time.Duration
}

func (r *watchedReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if n > 0 {
		r.watchdog.Reset(r.stall)
	}
	return n, err
}
