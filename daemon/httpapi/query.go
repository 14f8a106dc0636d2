package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
	"github.com/voxparse/voxparse/store"
)

// query reads parameters and remembers the first mistake. A parameter that
// nobody asked for is one.
type query struct {
	values map[string][]string
	asked  []string
	err    error
}

func (q *query) text(name string) string {
	q.asked = append(q.asked, name)
	v := q.values[name]
	if len(v) > 1 && q.err == nil {
		q.err = api.Errorf(api.Invalid, "%s is given more than once", name)
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func (q *query) fail(name, got, want string) {
	if q.err == nil {
		q.err = api.Errorf(api.Invalid, "%s: got %q, want %s", name, got, want)
	}
}

func (q *query) choice(name string, allowed ...string) string {
	s := q.text(name)
	if s != "" && !slices.Contains(allowed, s) {
		q.fail(name, s, strings.Join(allowed, ", "))
	}
	return s
}

// status reads a status, also by the name state that the parameter had first.
func (q *query) status(allowed []string) string {
	return cmp.Or(q.choice("status", allowed...), q.choice("state", allowed...))
}

func (q *query) number(name string, fallback, least, most int) int {
	s := q.text(name)
	if s == "" {
		return fallback
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		q.fail(name, s, fmt.Sprintf("a number from %d to %d", least, most))
		return fallback
	}
	return n
}

// time reads a time of RFC 3339, a date, or how long ago as a duration.
func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := duration.Time(s)
	if err != nil && q.err == nil {
		q.err = api.Errorf(api.Invalid, "%s: %v", name, err)
	}
	return t
}

// cursor reads where the page before ended: the id of its last item.
func (q *query) cursor(prefix string) string {
	s := q.text("cursor")
	if s == "" {
		return ""
	}
	if _, err := store.ParseID(prefix, s); err != nil {
		q.fail("cursor", s, "what the page before has as next")
	}
	return s
}

// pair reads a key and its value, such as case=17.
func (q *query) pair(name string) [2]string {
	s := q.text(name)
	if s == "" {
		return [2]string{}
	}
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		q.fail(name, s, "a key and a value, such as case=17")
	}
	return [2]string{key, value}
}

func (q *query) done() error {
	for name := range q.values {
		if !slices.Contains(q.asked, name) && q.err == nil {
			return api.Errorf(api.Invalid, "unknown parameter %q; allowed: %s", name, strings.Join(q.asked, ", "))
		}
	}
	return q.err
}

// readForce reads whether a deletion takes along what is still to be sent.
func readForce(r *http.Request) (bool, error) {
	q := query{values: r.URL.Query()}
	force := q.choice("force", "true", "false") == "true"
	return force, q.done()
}
