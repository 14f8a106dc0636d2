package boltstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// errRecord says that a record cannot be read: its bytes are not those that
// were written.
var errRecord = errors.New("record is damaged")

// coder writes or reads the fields of a record in order. One walk over the
// fields serves both ways, so that they cannot drift apart.
type coder struct {
	b       []byte
	writing bool
	bad     bool
	version byte
}

// record is what a coder can walk.
type record interface {
	walk(c *coder)
	unknown() *newer
}

// newer keeps what a newer program wrote behind the fields that this one knows,
// and its version, to be written back as they were. Every record embeds it.
type newer struct {
	version byte
	fields  []byte
}

func (n *newer) unknown() *newer { return n }

// A record is a byte with its version, its fields, and the CRC-32C of both. A
// version adds fields behind those of the one before. checked is set in the
// first byte; without it, as in files of the schemas 1 and 2, the record has no
// checksum.
const (
	checked = 0x80
	sumSize = 4 // bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the record appended to b[:0].
func encode(b []byte, version byte, r record) []byte {
	n := r.unknown()
	version = max(version, n.version)
	c := coder{b: append(b[:0], checked|version), writing: true, version: version}
	r.walk(&c)
	c.b = append(c.b, n.fields...)
	return binary.BigEndian.AppendUint32(c.b, crc32.Checksum(c.b, castagnoli))
}

// decode fills r from b, which it does not keep. newest is the highest version
// that r.walk knows: what a newer one has besides is kept for encode.
func decode(b []byte, newest byte, r record) error {
	if len(b) == 0 {
		return errRecord
	}
	c := coder{version: b[0] &^ checked}
	switch {
	case c.version == 0:
		return errRecord
	case b[0]&checked == 0:
		c.b = b[1:]
		if c.version > newest {
			return errRecord
		}
	default:
		end := len(b) - sumSize
		if end < 1 || crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
			return errRecord
		}
		c.b = b[1:end]
	}
	n := r.unknown()
	*n = newer{}
	r.walk(&c)
	if c.bad || len(c.b) != 0 && c.version <= newest {
		return errRecord
	}
	if c.version > newest {
		n.version, n.fields = c.version, append([]byte(nil), c.b...)
	}
	return nil
}

func (c *coder) uint(p *uint64) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, *p)
		return
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return
	}
	*p, c.b = v, c.b[n:]
}

func (c *coder) int64(p *int64) {
	u := uint64(*p<<1) ^ uint64(*p>>63)
	c.uint(&u)
	*p = int64(u>>1) ^ -int64(u&1)
}

func (c *coder) int(p *int) {
	v := int64(*p)
	c.int64(&v)
	*p = int(v)
}

func (c *coder) byte(p *byte) {
	if c.writing {
		c.b = append(c.b, *p)
		return
	}
	if len(c.b) == 0 {
		c.fail()
		return
	}
	*p, c.b = c.b[0], c.b[1:]
}

func (c *coder) bool(p *bool) {
	var v byte
	if *p {
		v = 1
	}
	c.byte(&v)
	*p = v == 1
}

func (c *coder) float(p *float64) {
	u := math.Float64bits(*p)
	if !c.writing && len(c.b) < 8 {
		c.fail()
		return
	}
	if c.writing {
		c.b = binary.BigEndian.AppendUint64(c.b, u)
		return
	}
	*p = math.Float64frombits(binary.BigEndian.Uint64(c.b))
	c.b = c.b[8:]
}

// wideTime says that a time follows as seconds and nanoseconds since 1970. As
// nanoseconds alone it would be one of 1677, which is written so too.
const wideTime = math.MinInt64

// time keeps nanoseconds since 1970, 0 for the zero time. What 64 bits of them
// do not hold, and 1970 itself, it keeps as seconds and nanoseconds. Times come
// back in UTC.
func (c *coder) time(p *time.Time) {
	if c.writing {
		c.writeTime(*p)
		return
	}
	var n, seconds int64
	var rest uint64
	if c.int64(&n); n != wideTime {
		*p = fromNanos(n)
		return
	}
	c.int64(&seconds)
	if c.uint(&rest); rest >= uint64(time.Second) {
		c.fail()
		return
	}
	*p = time.Unix(seconds, int64(rest)).UTC()
}

func (c *coder) writeTime(t time.Time) {
	n := t.UnixNano()
	switch {
	case t.IsZero():
		n = 0
	case n == 0 || n == wideTime || !time.Unix(0, n).Equal(t):
		n = wideTime
		seconds, rest := t.Unix(), uint64(t.Nanosecond())
		c.int64(&n)
		c.int64(&seconds)
		c.uint(&rest)
		return
	}
	c.int64(&n)
}

func (c *coder) duration(p *time.Duration) { c.int64((*int64)(p)) }

// raw gives the next length-prefixed bytes, which alias the record.
func (c *coder) raw() []byte {
	var n uint64
	c.uint(&n)
	if c.bad || n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *coder) str(p *string) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, uint64(len(*p)))
		c.b = append(c.b, *p...)
		return
	}
	*p = string(c.raw())
}

// bytes keeps the difference between nothing and nil out: both read as nil.
func (c *coder) bytes(p *[]byte) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, uint64(len(*p)))
		c.b = append(c.b, *p...)
		return
	}
	*p = append([]byte(nil), c.raw()...)
}

func (c *coder) strs(p *[]string) {
	n := uint64(len(*p))
	c.uint(&n)
	if c.writing {
		for i := range *p {
			c.str(&(*p)[i])
		}
		return
	}
	if n > uint64(len(c.b)) {
		c.fail()
		return
	}
	*p = nil
	for range n {
		var s string
		c.str(&s)
		*p = append(*p, s)
	}
}

// id keeps an id of the form prefix + ULID in 17 bytes, and "" in one. An id
// of another form is kept as it is.
func (c *coder) id(prefix string, p *string) {
	var kind byte
	var u uid
	if c.writing && *p != "" {
		var err error
		if u, err = store.ParseID(prefix, *p); err != nil {
			kind = 2
		} else {
			kind = 1
		}
	}
	c.byte(&kind)
	switch {
	case kind == 0:
		*p = ""
	case kind == 2:
		c.str(p)
	case c.writing:
		c.b = append(c.b, u[:]...)
	case len(c.b) < 16:
		c.fail()
	default:
		*p = store.FormatID(prefix, uid(c.b[:16]))
		c.b = c.b[16:]
	}
}

func (c *coder) fail() { c.bad, c.b = true, nil }

// nanos returns t as nanoseconds since 1970, for a key: 0 for the zero time. One
// that is too early is 1, and one that is too late the greatest number.
func nanos(t time.Time) int64 {
	switch n := t.UnixNano(); {
	case t.IsZero():
		return 0
	case t.Unix() < 0:
		return 1
	case !time.Unix(0, n).Equal(t):
		return math.MaxInt64
	default:
		return max(n, 1)
	}
}

// fromNanos returns the time of n, in UTC, and the zero time of 0.
func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// The statuses as records and keys hold them. The numbers are kept for ever.
var (
	jobStatuses      = [...]api.JobStatus{api.Queued, api.Processing, api.Completed, api.Failed, api.Cancelled, api.Interrupted}
	deliveryStatuses = [...]api.DeliveryStatus{api.DeliveryPending, api.DeliveryInFlight, api.DeliveryDelivered,
		api.DeliveryFailed, api.DeliveryCancelled}
)

const (
	nJobStatuses      = len(jobStatuses)
	nDeliveryStatuses = len(deliveryStatuses)
)

func jobStatusByte(s api.JobStatus) byte {
	for i, t := range jobStatuses {
		if s == t {
			return byte(i)
		}
	}
	return 0
}

func deliveryStatusByte(s api.DeliveryStatus) byte {
	for i, t := range deliveryStatuses {
		if s == t {
			return byte(i)
		}
	}
	return 0 // held is what a pending delivery of an inactive webhook is called
}

func (c *coder) jobStatus(p *api.JobStatus) {
	v := jobStatusByte(*p)
	c.byte(&v)
	if int(v) >= nJobStatuses {
		c.fail()
		return
	}
	*p = jobStatuses[v]
}

func (c *coder) deliveryStatus(p *api.DeliveryStatus) {
	v := deliveryStatusByte(*p)
	c.byte(&v)
	if int(v) >= nDeliveryStatuses {
		c.fail()
		return
	}
	*p = deliveryStatuses[v]
}
