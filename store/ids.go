package store

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/voxparse/voxparse/api"
)

// UID is a ULID in its 16-byte form, which is how keys hold ids.
type UID [16]byte

// entropy makes ids of one process grow even within a millisecond.
var entropy = struct {
	sync.Mutex
	*ulid.MonotonicEntropy
}{MonotonicEntropy: ulid.Monotonic(ulid.DefaultEntropy(), 1<<20)}

// NewID returns prefix followed by a new lower-case ULID. The ids of one
// process are ordered as they were made.
func NewID(prefix string) string { return FormatID(prefix, NewUID(time.Now())) }

// NewUID returns a new id. Those of one process are ordered as they were made.
func NewUID(now time.Time) UID {
	entropy.Lock()
	defer entropy.Unlock()
	return UID(ulid.MustNew(ulid.Timestamp(now), entropy.MonotonicEntropy))
}

// Time returns when the id was made, in milliseconds.
func (u UID) Time() time.Time { return ulid.Time(ulid.ULID(u).Time()) }

// FirstUID returns the least id of a millisecond.
func FirstUID(at time.Time) UID {
	var u UID
	binary.BigEndian.PutUint64(u[:], min(uint64(max(at.UnixMilli(), 0)), ulid.MaxTime())<<16)
	return u
}

// EventID returns the id of the event of type typ that a job's generation
// makes. It depends on nothing else, so that a repeated transition makes the
// same event again and not a second one.
func EventID(jobID string, generation int, typ string) string {
	var g [8]byte
	binary.BigEndian.PutUint64(g[:], uint64(generation))
	var ms uint64
	if u, err := ParseID(api.JobPrefix, jobID); err == nil {
		ms = ulid.ULID(u).Time()
	}
	return FormatID(api.EventPrefix, derivedUID(ms, jobID, string(g[:]), typ))
}

// derivedUID returns a ULID that follows from its arguments alone.
func derivedUID(ms uint64, parts ...string) UID {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	var u ulid.ULID
	if err := u.SetTime(ms); err != nil {
		u = ulid.ULID{} // past the year 10889: the hash alone will do
	}
	copy(u[6:], h.Sum(nil))
	return UID(u)
}

// A delivery's id ends in sixteen zero bits. The id of each of its attempts is
// the same with the number of the claim there, so that one key finds both.

// deliveryEntropy makes the eight bytes of a delivery's id that stand between
// its time and the sixteen zero bits. NewUID would not do: two ids of one
// millisecond may differ in their last sixteen bits only.
var deliveryEntropy struct {
	sync.Mutex
	ms   uint64
	last uint64
}

// NewDeliveryUID returns a fresh delivery id. Those of one millisecond are
// ordered as they were made.
func NewDeliveryUID(now time.Time) UID {
	e := &deliveryEntropy
	e.Lock()
	defer e.Unlock()
	ms := ulid.Timestamp(now)
	if ms == e.ms {
		e.last += 1 + uint64(rand.Uint32())
	} else {
		e.ms, e.last = ms, rand.Uint64()>>2|fresh // room to count up
	}
	var u ulid.ULID
	if err := u.SetTime(ms); err != nil {
		u = ulid.ULID{} // past the year 10889
	}
	binary.BigEndian.PutUint64(u[6:], e.last)
	return UID(u)
}

// fresh is the bit that a fresh delivery id has and a derived one has not: a
// redelivery comes after the deliveries of its millisecond.
const fresh = 1 << 63

// DeliveryID returns the id of the delivery of an event to a webhook. It
// follows from the two alone, and sorts by the event's time of creation. A
// redelivery has an id of its own.
func DeliveryID(ev Event, webhookID string) string {
	return FormatID(api.DeliveryPrefix, DeliveryUID(&ev, webhookID))
}

// DeliveryUID returns the id of the delivery of an event to a webhook. It
// follows from the two, and sorts by the event's creation.
func DeliveryUID(ev *Event, webhook string) UID {
	u := derivedUID(uint64(max(ev.CreatedAt.UnixMilli(), 0)), ev.ID, webhook).Delivery()
	u[6] &^= fresh >> 56
	return u
}

// Delivery returns the delivery's id for the id of one of its attempts.
func (u UID) Delivery() UID {
	u[14], u[15] = 0, 0
	return u
}

// Attempt returns the id of the attempt that the claim-th claim allows.
func (u UID) Attempt(claim int) UID {
	binary.BigEndian.PutUint16(u[14:], uint16(claim))
	return u
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

var crockfordValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(crockford) {
		t[crockford[i]] = byte(i)
	}
	return t
}()

// ParseID returns the 16 bytes of an id. The error is api.NotFound: an id that
// is not well formed names nothing.
func ParseID(prefix, id string) (UID, error) {
	var u UID
	s, ok := strings.CutPrefix(id, prefix)
	if !ok || len(s) != 26 || s[0] > '7' {
		return u, badID(prefix, id)
	}
	// 26 digits of 5 bits are 130 bits, the first two of which are zero.
	var acc uint64
	bits, n := -2, 0
	for i := range len(s) {
		v := crockfordValue[s[i]]
		if v == 0xff {
			return UID{}, badID(prefix, id)
		}
		acc = acc<<5 | uint64(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			u[n] = byte(acc >> bits)
			n++
		}
	}
	return u, nil
}

func badID(prefix, id string) error {
	return api.Errorf(api.NotFound, "%q is not an id of the form %s…", id, prefix)
}

// FormatID is the inverse of ParseID.
func FormatID(prefix string, u UID) string {
	b := make([]byte, 0, len(prefix)+26)
	b = append(b, prefix...)
	var acc uint64
	bits := 2
	for _, c := range u {
		acc = acc<<8 | uint64(c)
		for bits += 8; bits >= 5; {
			bits -= 5
			b = append(b, crockford[acc>>bits&31])
		}
	}
	return string(b)
}
