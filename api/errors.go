package api

import (
	"fmt"
	"net/http"
	"time"
)

// Code classifies an error. A Code is itself an error, so that
// errors.Is(err, api.NotFound) holds on both sides of the socket.
type Code string

// The codes of the API. Status gives the HTTP status of each.
const (
	Invalid      Code = "invalid"       // the request is wrong; it will be wrong again
	Unauthorized Code = "unauthorized"  // no API key, or a wrong one
	NotFound     Code = "not_found"     // no such job, webhook, delivery, folder or model
	Conflict     Code = "conflict"      // the state does not allow it, or a cap is reached
	TooLarge     Code = "too_large"     // over max_upload, or a field over its limit
	NotAudio     Code = "not_audio"     // the upload is not audio that can be decoded
	RateLimited  Code = "rate_limited"  // try again after RetryAfter
	Internal     Code = "internal"      // a fault of ours
	Unavailable  Code = "unavailable"   // not ready, no space, or unreachable: nothing happened
	LeaseLost    Code = "lease_lost"    // somebody else holds the job or delivery now
	Unknown      Code = "unknown"       // it may have happened: repeat with the same id
	TimedOut     Code = "wait_timeout"  // a wait ended; what was waited for goes on
	BadSignature Code = "bad_signature" // a webhook signature does not verify
)

// Error makes a Code an error.
func (c Code) Error() string { return string(c) }

// statuses is the one table from code to HTTP status.
var statuses = map[Code]int{
	Invalid:      http.StatusBadRequest,
	Unauthorized: http.StatusUnauthorized,
	NotFound:     http.StatusNotFound,
	Conflict:     http.StatusConflict,
	TooLarge:     http.StatusRequestEntityTooLarge,
	NotAudio:     http.StatusUnsupportedMediaType,
	RateLimited:  http.StatusTooManyRequests,
	Internal:     http.StatusInternalServerError,
	Unavailable:  http.StatusServiceUnavailable,
	LeaseLost:    http.StatusConflict,
	Unknown:      http.StatusInternalServerError,
}

// Status returns the HTTP status of c, 500 for a code that has none.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// CodeOf returns the code for an HTTP status of 400 or more.
func CodeOf(status int) Code {
	switch status {
	case http.StatusConflict:
		return Conflict
	case http.StatusInternalServerError:
		return Internal
	}
	for c, s := range statuses {
		if s == status {
			return c
		}
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return Internal
}

// Error is an error with a code and a sentence for a person, which says what
// to do. It unwraps to its Code.
type Error struct {
	Code       Code
	Message    string
	RetryAfter time.Duration // only with RateLimited and Unavailable; 0 when unknown
}

// Errorf returns an *Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message, or the code where there is no message.
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return e.Message
}

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }

// ErrorBody is the JSON body of every error answer.
type ErrorBody struct {
	Error struct {
		Message string `json:"message"`
		Code    int    `json:"code"` // the HTTP status
		Type    Code   `json:"type"` // what kind of error it is
	} `json:"error"`
	RetryAfter int `json:"retry_after,omitempty"` // seconds, with 429
}
