package httpx_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/voxparse/voxparse/internal/httpx"
)

func TestRetryAfter_forms(t *testing.T) {
	now := time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)
	const years = 10 * 365 * 24 * time.Hour
	for _, c := range []struct {
		value string
		wait  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{" 120 ", 2 * time.Minute, true},
		{"99999999999999999999999", years, true},
		{"9999999999", years, true},
		{"Sun, 03 May 2026 10:00:30 GMT", 30 * time.Second, true},
		{"Sunday, 03-May-26 10:00:30 GMT", 30 * time.Second, true},
		{"Sun May  3 10:00:30 2026", 30 * time.Second, true},
		{"Sun, 03 May 2026 09:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", years, true},
		{"", 0, false},
		{"-5", 0, false},
		{"1.5", 0, false},
		{"+5", 0, false},
		{"soon", 0, false},
	} {
		wait, ok := httpx.RetryAfter(c.value, now)
		if wait != c.wait || ok != c.ok {
			t.Errorf("RetryAfter(%q): got %v %v, want %v %v", c.value, wait, ok, c.wait, c.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "Sun, 03 May 2026 10:00:30 GMT", "", "-1", "1e9", "9223372036854775808"} {
		f.Add(s, int64(1_777_000_000))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		wait, ok := httpx.RetryAfter(value, time.Unix(unix%1e11, 0))
		if wait < 0 || wait > 11*365*24*time.Hour || !ok && wait != 0 {
			t.Errorf("RetryAfter(%q): got %v %v, want a wait between 0 and the limit", value, wait, ok)
		}
	})
}

func TestReadBody_limit(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		body io.Reader
		want string
		err  error
	}{
		{"empty", strings.NewReader(""), "", nil},
		{"as long as the limit", strings.NewReader("12345"), "12345", nil},
		{"longer", strings.NewReader("123456"), "12345", httpx.ErrTooLong},
		{"broken off", io.MultiReader(strings.NewReader("12"), iotest.ErrReader(broken)), "12", broken},
	} {
		got, err := httpx.ReadBody(c.body, 5)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q %v, want %q %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestDrain_bound(t *testing.T) {
	const most = 1 << 20
	body := strings.NewReader(strings.Repeat("x", most+10))
	if err := httpx.Drain(body); err != nil || body.Len() != 10 {
		t.Errorf("got %v and %d bytes left, want none read past %d bytes", err, body.Len(), most)
	}
	broken := errors.New("broken")
	if err := httpx.Drain(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestNoRedirect_staysWithTheFirstHost(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	first := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer first.Close()
	client := &http.Client{CheckRedirect: httpx.NoRedirect}
	resp, err := client.Get(first.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || asked != 0 {
		t.Errorf("got status %d and %d requests to the other host, want 307 and none", resp.StatusCode, asked)
	}
}
