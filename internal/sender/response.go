package sender

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
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
	if Delivered(a) {
		return a
	}
	a.ErrorKind = api.AttemptStatus
	switch status := resp.StatusCode; {
	case isRedirect(status):
		a.ErrorKind = api.AttemptRedirect
		a.Error = fmt.Sprintf("it redirects (%d), and redirects are never followed; set the webhook to its final address", status)
		if to := resp.Header.Get("Location"); to != "" {
			a.Error += ": " + clip.Bytes(strings.ToValidUTF8(to, "\ufffd"), 200)
		}
	case status == http.StatusGone:
		a.Error = "it answered 410 Gone: the webhook is disabled; enable it when the receiver is back"
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		a.Error = fmt.Sprintf("it answered %s; its Retry-After is honored", line(resp))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		a.Error = fmt.Sprintf("it answered %s; the receiver, or a proxy before it, must let unauthenticated POSTs in and verify their signature", line(resp))
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		a.Error = fmt.Sprintf("it answered %s; check the path of the webhook, and that it takes POST", line(resp))
	case status == http.StatusRequestEntityTooLarge:
		a.Error = fmt.Sprintf("it answered %s; let the receiver take bodies of 96 KiB", line(resp))
	case status < 200 || status == http.StatusNotModified:
		a.Error = fmt.Sprintf("it answered %s, which says nothing about the event; answer 200", line(resp))
	case status >= 500:
		a.Error = fmt.Sprintf("it answered %s; see the receiver's log", line(resp))
	default:
		a.Error = fmt.Sprintf("it answered %s; answer 200 to 299 once the event is stored", line(resp))
	}
	return a
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
