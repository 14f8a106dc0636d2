package sender

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
	"github.com/voxparse/voxparse/internal/httpx"
)

// What is kept of a response.
const (
	maxKeptBody    = 16 << 10 // bytes
	maxKeptHeaders = 8 << 10  // bytes, names and values
	redacted       = "[redacted]"
)

// answer reads what is kept of resp and closes it.
func answer(resp *http.Response) api.Attempt {
	a := api.Attempt{Status: resp.StatusCode, ResponseHeaders: keptHeaders(resp.Header)}
	// After 101 the body is the bare connection, which no deadline ends.
	if resp.StatusCode != http.StatusSwitchingProtocols {
		a.ResponseBody, a.Truncated = keptBody(resp.Body)
	}
	// Closed before its end, its connection is not used again.
	resp.Body.Close()
	if !Delivered(a) {
		a.ErrorKind, a.Error = refusal(resp, a)
	}
	return a
}

// refusal says what an answer that is no success means.
func refusal(resp *http.Response, a api.Attempt) (kind, why string) {
	status := resp.StatusCode
	switch {
	case isRedirect(status):
		why = fmt.Sprintf("it redirects (%d), and redirects are never followed; set the webhook to its final address", status)
		if to, _, _ := strings.Cut(resp.Header.Get("Location"), "?"); to != "" { // behind it there may be a secret
			why += ": " + clip.Bytes(strings.ToValidUTF8(to, "\ufffd"), 200)
		}
		return api.AttemptRedirect, why
	case status == http.StatusForbidden && strings.HasPrefix(a.ResponseBody, "Missing ALPN Protocol"): // Node
		return api.AttemptHTTPVersion, onlyHTTP2(resp.Request.URL.Host)
	case status == http.StatusBadRequest && strings.Contains(a.ResponseBody, "No required SSL certificate was sent"): // nginx
		return api.AttemptClientCertificate, wantsCertificate(resp.Request.URL.Host, "400 "+http.StatusText(status))
	}
	return api.AttemptStatus, "it answered " + line(resp) + statusAdvice(resp, a)
}

// statusAdvice ends the sentence on a status: what it means for us, and what to
// do.
func statusAdvice(resp *http.Response, a api.Attempt) string {
	switch status := resp.StatusCode; {
	case status == http.StatusGone:
		return ": the webhook is disabled; enable it when the receiver is back"
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		if wait, ok := httpx.RetryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			return fmt.Sprintf(" and asks to wait %s (Retry-After)", wait.Round(time.Second))
		}
		if status == http.StatusTooManyRequests {
			return "; a rate limit of the webhook makes it fewer"
		}
		return "; see the receiver's log"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "; the receiver, or a proxy before it, must let unauthenticated POSTs in and verify their signature"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return "; check the path of the webhook, and that it takes POST"
	case status == http.StatusRequestEntityTooLarge:
		return "; let the receiver take bodies of 96 KiB"
	case status == http.StatusBadRequest && resp.Request.URL.Scheme == "http" && wantsTLS(a.ResponseBody):
		return ": its port is for HTTPS; write https:// in the webhook's URL"
	case status == http.StatusUpgradeRequired || status == http.StatusHTTPVersionNotSupported:
		return "; webhooks are sent in HTTP/1.1: let the receiver, or the proxy before it, take that"
	case status < 200 || status == http.StatusNotModified:
		return ", which says nothing about the event; answer 200"
	case status >= 500:
		return "; see the receiver's log"
	}
	return "; answer 200 to 299 once the event is stored"
}

// wantsTLS reports whether body is what Go, nginx or Apache answers to plain HTTP
// on a port for HTTPS.
func wantsTLS(body string) bool {
	return strings.Contains(body, "HTTP request to an HTTPS server") || strings.Contains(body, "plain HTTP request was sent to HTTPS port") ||
		strings.Contains(body, "speaking plain HTTP to an SSL-enabled server port")
}

// line names the status; its text is ours, for the receiver's may be anything.
func line(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// keptBody returns the beginning of body as text. cut says that there was more,
// or that it did not come in time; how a body fails after its header decided the
// attempt matters to nobody.
func keptBody(body io.Reader) (text string, cut bool) {
	raw, err := io.ReadAll(io.LimitReader(body, maxKeptBody+1))
	text = strings.ToValidUTF8(string(raw[:min(len(raw), maxKeptBody)]), "\ufffd")
	return clip.Bytes(text, maxKeptBody), err != nil || len(raw) > maxKeptBody || len(text) > maxKeptBody
}

// keptHeaders returns the headers, several values joined by ", ", in a bounded
// size; what a cookie says is a secret of the receiver's.
func keptHeaders(h http.Header) map[string]string {
	if len(h) == 0 {
		return nil
	}
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	// What the schedule and people need first comes first.
	rank := func(name string) int {
		return slices.Index([]string{"Location", "Date", "Content-Type", "Retry-After"}, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(b) - rank(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	kept := make(map[string]string, len(names))
	room := maxKeptHeaders
	for _, name := range names {
		value := strings.ToValidUTF8(strings.Join(h[name], ", "), "\ufffd")
		if name == "Set-Cookie" || name == "Set-Cookie2" {
			value = redacted
		}
		value = clip.Bytes(value, 2048)
		if room -= len(name) + len(value); room < 0 {
			break
		}
		kept[name] = value
	}
	return kept
}
