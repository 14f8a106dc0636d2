package daemon

import (
	"bytes"
	"io"
	"net/http"

	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/webhook"
)

func opener(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

var deliveryQuery client.DeliveryQuery

// jobID returns the job that the event is about.
func (r received) jobID() string {
	switch d := r.event.Data.(type) {
	case *webhook.Completed:
		return d.JobID
	case *webhook.Failed:
		return d.JobID
	}
	return ""
}
