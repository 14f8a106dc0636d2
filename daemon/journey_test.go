package daemon_test

import (
	"encoding/json"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestASubmittedFileBecomesASignedWebhook(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	u := upload(audio("hello <there> & you"))
	u.Metadata = json.RawMessage(`{"ticket_id": "T-1234", "agent": "jane"}`)
	acc, err := f.client.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	got := r.next()
	if got.jobID() != acc.JobID {
		t.Errorf("got job %s, want %s", got.jobID(), acc.JobID)
	}
	var body struct {
		Data struct {
			Metadata json.RawMessage
			Result   api.Result
		}
	}
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	if want := `{"ticket_id":"T-1234","agent":"jane"}`; string(body.Data.Metadata) != want {
		t.Errorf("got metadata %s, want %s", body.Data.Metadata, want)
	}
	if want := "hello <there> & you"; body.Data.Result.Text != want {
		t.Errorf("got text %q, want %q", body.Data.Result.Text, want)
	}
	job := f.wait(acc.JobID)
	if job.Status != api.Completed || job.Attempts != 1 {
		t.Errorf("got %s after %d attempts, want completed after 1", job.Status, job.Attempts)
	}
	until(t, "the delivery's record", func() bool {
		ds, err := f.client.Deliveries(t.Context(), hook.ID, deliveryQuery)
		if err != nil {
			t.Fatal(err)
		}
		return len(ds) == 1 && ds[0].Status == api.DeliveryDelivered
	})
}
