// Package client calls the voxparse daemon over its Unix socket or over TCP
// with an API key, one typed method a route. It hides HTTP: every failure is an
// *api.Error whose code tells what kind it is, except that an error of the
// caller's own context stays that error. It never starts a daemon and never
// follows a redirect.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/httpx"
)

// callTimeout bounds a call that is neither an upload nor a stream and whose
// context has no deadline.
const callTimeout = 30 * time.Second

// maxAnswer bounds an answer that is held in memory, in bytes. A transcript of
// a day of speech has about 5 MB.
const maxAnswer = 256 << 20

// Client calls one daemon. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	transport *http.Transport
	base      string // without a trailing slash
	key       string
	where     string // for errors
	fix       string
}

// New returns a client of the daemon behind a Unix socket. Before it sends
// anything it looks who listens there: it refuses a socket in a folder that
// others can enter or replace, and a process of another user than this one or
// root, with api.Invalid.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialOwn(ctx, socket) }
	return open("http://voxparse", "", dial, "daemon is not running", "start it with: voxparse daemon start")
}

// NewTCP returns a client of a daemon at a base URL such as
// http://127.0.0.1:7733, with an API key.
func NewTCP(base, key string) *Client {
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/"), "/v1")
	d := &net.Dialer{Timeout: 10 * time.Second}
	return open(base, key, d.DialContext, "cannot reach "+base, "check the address, and that the daemon there has listen set")
}

func open(base, key string, dial func(context.Context, string, string) (net.Conn, error), where, fix string) *Client {
	t := &http.Transport{
		DialContext:           dial,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       time.Minute,
		WriteBufferSize:       64 << 10, // what an upload sends at a time
	}
	return &Client{
		http: &http.Client{Transport: t, CheckRedirect: httpx.NoRedirect},
		base: base, key: key, where: where, fix: fix, transport: t,
	}
}

// Close ends idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// request makes a request with the key on it.
func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "make the request: %v", err)
	}
	if c.key != "" {
		req.Header.Set("X-API-Key", c.key)
	}
	return req, nil
}

// send makes the round trip and turns answers of 400 and more, and redirects,
// into errors. The caller closes the body of an answer that is no error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(req.Context(), err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// broken classifies a failed round trip: Unavailable where nothing can have
// happened, Unknown where it may have.
func (c *Client) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var own *api.Error
	if errors.As(err, &own) {
		return own
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return c.unreachable(op)
	}
	return api.Errorf(api.Unknown, "the connection to the daemon broke (%v); it may have acted all the same: look before you repeat", err)
}

// ErrUnreachable marks the api.Unavailable of a daemon that nobody answers for:
// it is not running, or not there.
var ErrUnreachable = errors.New("daemon unreachable")

// unreachable is an *api.Error that is ErrUnreachable too.
type unreachable struct{ cause *api.Error }

func (u unreachable) Error() string { return u.cause.Error() }

func (u unreachable) Unwrap() []error { return []error{u.cause, ErrUnreachable} }

func (c *Client) unreachable(op *net.OpError) error {
	switch {
	case errors.Is(op, fs.ErrPermission):
		return unreachable{api.Errorf(api.Unavailable, "the daemon's socket belongs to another user (%v); check --socket", op.Err)}
	case op.Net == "unix":
		return unreachable{api.Errorf(api.Unavailable, "%s; %s", c.where, c.fix)}
	}
	return unreachable{api.Errorf(api.Unavailable, "%s (%v); %s", c.where, op.Err, c.fix)}
}

// refusal reads the error of an answer.
func refusal(resp *http.Response) error {
	code := api.CodeOf(resp.StatusCode)
	if resp.StatusCode < 400 {
		return api.Errorf(api.Invalid, "got status %d, which this API never gives; check the base URL", resp.StatusCode)
	}
	data, err := httpx.ReadBody(resp.Body, 64<<10)
	var body api.ErrorBody
	if err != nil || json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		return api.Errorf(code, "the daemon answered %s without a reason", resp.Status)
	}
	if kind := body.Error.Type; kind != "" && kind.Status() == resp.StatusCode {
		code = kind
	}
	e := &api.Error{Code: code, Message: body.Error.Message}
	e.RetryAfter = time.Duration(body.RetryAfter) * time.Second
	if wait, ok := httpx.RetryAfter(resp.Header.Get("Retry-After"), time.Now()); ok && body.RetryAfter == 0 {
		e.RetryAfter = wait
	}
	return e
}

// call sends in as JSON, where there is one, and reads the answer into out,
// where there is one.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return api.Errorf(api.Invalid, "encode the request: %v", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		err = httpx.Drain(resp.Body)
	} else {
		err = decode(resp.Body, out)
	}
	if err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// ask is call with the answer as its value.
func ask[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, in, &out)
	return out, err
}

// fetch returns an answer that is not JSON.
func (c *Client) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := httpx.ReadBody(resp.Body, maxAnswer)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return data, nil
}

// bounded gives ctx a deadline where it has none. Its end is an api.Unavailable.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, callTimeout,
		api.Errorf(api.Unavailable, "the daemon did not answer within %s; see: voxparse daemon logs", callTimeout))
}

func decode(r io.Reader, out any) error {
	if err := json.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// segment escapes an id for use in a path.
func segment(id string) string { return url.PathEscape(id) }

// query joins the parameters that are not empty: "?a=1&b=2".
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func flag(set bool) string {
	if set {
		return "true"
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
