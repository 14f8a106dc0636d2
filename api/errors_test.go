package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestCodesAndStatuses(t *testing.T) {
	tests := []struct {
		code   api.Code
		status int
		back   api.Code
	}{
		{api.Invalid, http.StatusBadRequest, api.Invalid},
		{api.Unauthorized, http.StatusUnauthorized, api.Unauthorized},
		{api.NotFound, http.StatusNotFound, api.NotFound},
		{api.LeaseLost, http.StatusConflict, api.Conflict},
		{api.NotAudio, http.StatusUnsupportedMediaType, api.NotAudio},
		{api.Unknown, http.StatusInternalServerError, api.Internal},
		{api.TimedOut, http.StatusInternalServerError, api.Internal},
		{api.Unavailable, http.StatusServiceUnavailable, api.Unavailable},
	}
	for _, tt := range tests {
		if got := tt.code.Status(); got != tt.status {
			t.Errorf("%s: got status %d, want %d", tt.code, got, tt.status)
		}
		if got := api.CodeOf(tt.status); got != tt.back {
			t.Errorf("%d: got code %s, want %s", tt.status, got, tt.back)
		}
	}
	if got := api.CodeOf(http.StatusTeapot); got != api.Invalid {
		t.Errorf("got %s, want %s for a 4xx that no code has", got, api.Invalid)
	}
	if got := api.CodeOf(http.StatusBadGateway); got != api.Internal {
		t.Errorf("got %s, want %s for a 5xx that no code has", got, api.Internal)
	}
}

func TestAnErrorIsItsCode(t *testing.T) {
	err := error(&api.Error{Code: api.Conflict})
	if !errors.Is(err, api.Conflict) || err.Error() != "conflict" || api.Conflict.Error() != "conflict" {
		t.Errorf("got %q, want the code where there is no message", err)
	}
}

func TestValidID(t *testing.T) {
	tests := []struct {
		id   string
		want bool
	}{
		{"job_01jz0000000000000000000000", true},
		{"whk_01jz0000000000000000000000", false},
		{"job_01JZ0000000000000000000000", false},
		{"job_81jz0000000000000000000000", false},
		{"job_01jz000000000000000000000i", false},
		{"job_01jz", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := api.ValidID(api.JobPrefix, tt.id); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.id, got, tt.want)
		}
	}
}

func TestTerminalStatuses(t *testing.T) {
	want := map[api.JobStatus]bool{api.Completed: true, api.Failed: true, api.Cancelled: true, api.Interrupted: true}
	for _, word := range api.JobStatuses {
		s := api.JobStatus(word)
		if s.Terminal() != want[s] {
			t.Errorf("%s: got %v, want %v", s, s.Terminal(), want[s])
		}
	}
}
