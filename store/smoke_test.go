package store

import (
	"errors"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestAJobGoesItsWay(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, Options{}); !errors.Is(err, api.Conflict) {
		t.Fatalf("second open: got %v, want Conflict", err)
	}
	w, err := db.CreateWebhook(ctx, Webhook{ID: NewID(api.WebhookPrefix), URL: "http://x", Active: true}, 5)
	if err != nil {
		t.Fatal(err)
	}
	id := NewID(api.JobPrefix)
	if _, created, err := db.Submit(ctx, Job{ID: id}); err != nil || !created {
		t.Fatal(created, err)
	}
	js, err := db.Claim(ctx, QueueCommands, "me", time.Minute, 4)
	if err != nil || len(js) != 1 {
		t.Fatal(js, err)
	}
	ev := Event{ID: EventID(id, 0, api.EventCompleted), Type: api.EventCompleted, Body: []byte("{}")}
	for range 2 {
		if _, err := db.Complete(ctx, js[0].Token(), []byte(`{"a":1}`), ev); err != nil {
			t.Fatal(err)
		}
	}
	ds, err := db.ClaimDeliveries(ctx, "me", time.Minute, 8, 8)
	if err != nil || len(ds) != 1 || ds[0].Webhook.ID != w.ID || string(ds[0].Event.Body) != "{}" {
		t.Fatal(ds, err)
	}
	if _, err := db.RecordAttempt(ctx, ds[0].Delivery.Token(), api.Attempt{Status: 200}, Outcome{State: api.DeliveryDelivered}); err != nil {
		t.Fatal(err)
	}
	d, as, err := db.Delivery(ctx, ds[0].AttemptID)
	if err != nil || d.State != api.DeliveryDelivered || len(as) != 1 {
		t.Fatal(d, as, err)
	}
	l, next, err := db.Jobs(ctx, JobFilter{Status: api.Completed}, "", 1)
	if err != nil || len(l) != 1 || next != "" {
		t.Fatal(l, next, err)
	}
	dl, _, err := db.Deliveries(ctx, DeliveryFilter{Webhook: w.ID}, "", 5)
	if err != nil || len(dl) != 1 {
		t.Fatal(dl, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
