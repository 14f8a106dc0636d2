package analysis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/voxparse/voxparse/internal/httpx"
)

// The parts of the protocol that are used.
type (
	chatRequest struct {
		Model          string        `json:"model"`
		Messages       []chatMessage `json:"messages"`
		Stream         bool          `json:"stream"`
		Temperature    *float64      `json:"temperature,omitempty"`
		ResponseFormat *chatFormat   `json:"response_format,omitempty"`
	}
	chatMessage struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	chatFormat struct {
		Type   string     `json:"type"`
		Schema chatSchema `json:"json_schema"`
	}
	chatSchema struct {
		Name   string          `json:"name"`
		Strict bool            `json:"strict"`
		Schema json.RawMessage `json:"schema"`
	}
	chatResponse struct {
		Choices []struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Content string `json:"content"`
				Refusal string `json:"refusal"`
			} `json:"message"`
		} `json:"choices"`
	}
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 2 << 20

// completions returns the address of the chat completions below base.
func completions(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", &failure{why: "has no usable address: set [analysis] endpoint to one such as http://localhost:11434/v1"}
	}
	path := strings.TrimRight(u.Path, "/")
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
	case path == "":
		path = "/v1/chat/completions"
	default:
		path += "/chat/completions"
	}
	u.Path = path
	return u.String(), nil
}

// noRedirects is for requests that carry a transcript and a key: neither
// follows to where a server points.
var noRedirects = &http.Client{CheckRedirect: httpx.NoRedirect}

// post sends p and returns what the model wrote. Its errors are *failure.
func (e *Endpoint) post(ctx context.Context, p prompt) (string, error) {
	address, err := completions(e.URL)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(p.request(e.Model))
	if err != nil {
		return "", &failure{why: "was not asked: the request cannot be encoded"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", &failure{why: "has no usable address"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if e.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.Key)
	}
	client := e.Client
	if client == nil {
		client = noRedirects
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", &failure{why: "could not be reached", again: true, wait: retryPause}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", refused(resp)
	}
	raw, err := httpx.ReadBody(resp.Body, maxAnswer)
	switch {
	case errors.Is(err, httpx.ErrTooLong):
		return "", &failure{why: "sent an answer that is too long"}
	case err != nil:
		return "", &failure{why: "closed the connection before its answer was complete", again: true, wait: retryPause}
	}
	return content(raw)
}

// refused tells what an answer other than 200 means.
func refused(resp *http.Response) *failure {
	f := &failure{why: fmt.Sprintf("answered %d", resp.StatusCode)}
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400:
		f.why += ", a redirect, which is not followed"
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		f.why += ": check [analysis] key"
	case s == http.StatusNotFound:
		f.why += ": check [analysis] endpoint and model"
	case s == http.StatusBadRequest || s == http.StatusUnprocessableEntity:
		f.again, f.plain = true, true // a server that does not know response_format
	case s == http.StatusTooManyRequests || s >= 500:
		f.again, f.wait = true, retryPause
		if asked, ok := httpx.RetryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			f.wait = asked
		}
	}
	return f
}

func content(raw []byte) (string, error) {
	var resp chatResponse
	if err := json.Unmarshal(raw, &resp); err != nil || len(resp.Choices) == 0 {
		return "", &failure{why: "does not speak the chat completions protocol", again: true}
	}
	c := resp.Choices[0]
	switch {
	case c.Message.Refusal != "":
		return "", &failure{why: "refused to analyze this"}
	case c.FinishReason == "length":
		return "", &failure{why: "stopped before its answer was complete", again: true, hint: "Be shorter."}
	case c.FinishReason == "content_filter":
		return "", &failure{why: "filtered its answer"}
	}
	return c.Message.Content, nil
}
