package boltstore

import (
	"errors"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// The figures of docs/adr/0006-record-codec.md: a record as it was, with its
// checksum, and in CBOR with small integers for keys.

// cborDelivery is deliveryRecord for CBOR.
type cborDelivery struct {
	ID           string    `cbor:"1,keyasint,omitempty"`
	Revision     uint64    `cbor:"2,keyasint,omitempty"`
	Status       string    `cbor:"3,keyasint,omitempty"`
	EventID      string    `cbor:"4,keyasint,omitempty"`
	EventType    string    `cbor:"5,keyasint,omitempty"`
	WebhookID    string    `cbor:"6,keyasint,omitempty"`
	JobID        string    `cbor:"7,keyasint,omitempty"`
	Seq          uint64    `cbor:"8,keyasint,omitempty"`
	CreatedAt    time.Time `cbor:"9,keyasint,omitempty"`
	FinishedAt   time.Time `cbor:"10,keyasint,omitempty"`
	Due          time.Time `cbor:"11,keyasint,omitempty"`
	Attempts     int       `cbor:"12,keyasint,omitempty"`
	Manual       bool      `cbor:"13,keyasint,omitempty"`
	RedeliveryOf string    `cbor:"14,keyasint,omitempty"`
	Owner        string    `cbor:"15,keyasint,omitempty"`
	LeaseUntil   time.Time `cbor:"16,keyasint,omitempty"`
	Claims       int       `cbor:"17,keyasint,omitempty"`
	Spent        uint64    `cbor:"18,keyasint,omitempty"`
}

func cborMode(b *testing.B) (cbor.EncMode, cbor.DecMode) {
	b.Helper()
	opts := cbor.EncOptions{Time: cbor.TimeRFC3339Nano, OmitEmpty: cbor.OmitEmptyGoValue}
	enc, err := opts.EncMode()
	dec, err2 := cbor.DecOptions{}.DecMode()
	if err := errors.Join(err, err2); err != nil {
		b.Fatal(err)
	}
	return enc, dec
}

func benchDelivery() *deliveryRecord {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	return &deliveryRecord{Delivery: store.Delivery{
		ID: store.NewID(api.DeliveryPrefix), Revision: 7, Status: api.DeliveryInFlight, EventID: store.NewID(api.EventPrefix), EventType: api.EventCompleted,
		WebhookID: store.NewID(api.WebhookPrefix), JobID: store.NewID(api.JobPrefix), Seq: 123456, CreatedAt: at, Due: at, Attempts: 1,
		Owner: store.Owner("local", store.NewID("run_")), LeaseUntil: at.Add(time.Minute),
	}, Claims: 2, Spent: 5}
}

func cborOf(r *deliveryRecord) cborDelivery {
	return cborDelivery{r.ID, r.Revision, string(r.Status), r.EventID, r.EventType, r.WebhookID, r.JobID, r.Seq, r.CreatedAt, r.FinishedAt, r.Due,
		r.Attempts, r.Manual, r.RedeliveryOf, r.Owner, r.LeaseUntil, r.Claims, r.Spent}
}

func BenchmarkRecordEncode(b *testing.B) {
	r, buf := benchDelivery(), make([]byte, 0, 4096)
	enc, _ := cborMode(b)
	c := cborOf(r)
	for _, bb := range []struct {
		name string
		run  func() int
	}{
		{"unchecked", func() int {
			c := coder{b: append(buf[:0], deliveryVersion), writing: true, version: deliveryVersion}
			r.walk(&c)
			return len(c.b)
		}},
		{"checked", func() int { return len(encode(buf, deliveryVersion, r)) }},
		{"cbor", func() int {
			v, err := enc.Marshal(&c)
			if err != nil {
				b.Fatal(err)
			}
			return len(v)
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = bb.run()
			}
			b.ReportMetric(float64(size), "B/record")
		})
	}
}

func BenchmarkRecordDecode(b *testing.B) {
	r := benchDelivery()
	enc, dec := cborMode(b)
	c := cborOf(r)
	old, now := unchecked(deliveryVersion, r), encode(nil, deliveryVersion, r)
	bor, err := enc.Marshal(&c)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name string
		run  func() error
	}{
		{"unchecked", func() error { return decode(old, deliveryVersion, &deliveryRecord{}) }},
		{"checked", func() error { return decode(now, deliveryVersion, &deliveryRecord{}) }},
		{"cbor", func() error { return dec.Unmarshal(bor, &cborDelivery{}) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bb.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
