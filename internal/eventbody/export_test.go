package eventbody

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/webhooktest"
)

// Event is an event for the tests of what receives it.
type Event struct {
	ID, Type string
	Body     []byte
}

// NastyEvents are events of every type, some of whose strings look for trouble.
func NastyEvents(t *testing.T, n int) []Event {
	t.Helper()
	g := &generator{rand.New(rand.NewPCG(5, 6))}
	var out []Event
	add := func(id, kind string, body []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Event{id, kind, body})
	}
	for i := range n {
		m := Meta{ID: fmt.Sprintf("evt_%05d", i), JobID: "job_1", CreatedAt: time.Now(), Metadata: g.accepted()}
		switch i % 8 {
		case 0:
			body, err := Test(m, "whk_1")
			add(m.ID, api.EventTest, body, err)
		case 1:
			body, err := Failed(m, api.JobDamaged, g.text(200))
			add(m.ID, api.EventFailed, body, err)
		case 2:
			body, err := Completed(m, webhooktest.Call(120), "http://127.0.0.1/result")
			add(m.ID, api.EventCompleted, body, err)
		default:
			body, err := Completed(m, g.result(), "http://127.0.0.1/result")
			add(m.ID, api.EventCompleted, body, err)
		}
	}
	return out
}
