package boltstore

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// The newest version of each kind of record. An older one is still read: walk
// looks at coder.version before a field that came later. A field is added at the
// end, and makes the version one higher; the schema of the file stays, since
// older programs keep what they do not know.
const (
	jobVersion      = 1
	eventVersion    = 1
	webhookVersion  = 4 // 2: Temporary, 3: NextArrival, 4: NewSecretInUse, SecretSince
	deliveryVersion = 1
	attemptVersion  = 2 // 2: RequestHeaders
	resultVersion   = 1
)

// How a job's last token was spent, so that a repeat can be told from a theft.
const (
	spentNot byte = iota
	spentRelease
	spentComplete
	spentFail
	spentCancel
)

// jobRecord is a Job with what only the store needs.
type jobRecord struct {
	newer
	store.Job
	key     uid
	Spent   uint64 // revision of the token that was spent last
	SpentAs byte
	PurgeAt int64 // key of the job in the purge index; 0 while it is open

	was jobIndexed
}

// jobIndexed is what the indexes say about a stored job.
type jobIndexed struct {
	stored bool
	status byte
	queue  string
	due    int64
	purge  int64
}

func (r *jobRecord) walk(c *coder) {
	j := &r.Job
	c.id(api.JobPrefix, &j.ID)
	c.uint(&j.Revision)
	c.jobStatus(&j.Status)
	c.str(&j.Queue)
	c.str(&j.Dedupe)
	c.time(&j.Due)
	c.int(&j.Attempts)
	c.int(&j.MaxAttempts)
	c.int(&j.Generation)
	c.str(&j.Owner)
	c.time(&j.LeaseUntil)
	c.time(&j.CreatedAt)
	c.time(&j.StartedAt)
	c.time(&j.FinishedAt)
	c.str(&j.Source.Name)
	c.int64(&j.Source.Size)
	c.str(&j.Source.SHA256)
	c.str(&j.Source.Folder)
	c.str(&j.Source.Path)
	walkJSON(c, &j.Options)
	c.bytes(&j.Metadata)
	c.strs(&j.Webhooks)
	c.str(&j.Blob)
	walkJSON(c, &j.Progress)
	c.str(&j.Error.Code)
	c.str(&j.Error.Message)
	c.str(&j.Waiting)
	c.uint(&r.Spent)
	c.byte(&r.SpentAs)
	c.int64(&r.PurgeAt)
}

// walkJSON keeps a struct of api that may grow as JSON, and its zero value as
// nothing.
func walkJSON[T any](c *coder, p *T) {
	var b []byte
	var zero T
	if c.writing && !reflect.ValueOf(p).Elem().IsZero() {
		var err error
		if b, err = json.Marshal(p); err != nil {
			c.fail()
			return
		}
	}
	if c.writing {
		c.bytes(&b)
		return
	}
	*p = zero
	if b = c.raw(); len(b) > 0 && json.Unmarshal(b, p) != nil {
		c.fail()
	}
}

// indexed notes what the indexes hold, once the record is as stored.
func (r *jobRecord) indexed() {
	r.was = jobIndexed{stored: true, status: jobStatusByte(r.Status), queue: r.Queue, due: r.dueKey(), purge: r.PurgeAt}
}

// dueKey is when the job can next be claimed: ready time or lease end. It is 0
// for a terminal job.
func (r *jobRecord) dueKey() int64 {
	if r.Status.Terminal() {
		return 0
	}
	return max(nanos(r.ReadyAt()), 1)
}

type eventRecord struct {
	newer
	store.Event
}

func (r *eventRecord) walk(c *coder) {
	c.id(api.EventPrefix, &r.ID)
	c.uint(&r.Seq)
	c.str(&r.Type)
	c.id(api.JobPrefix, &r.JobID)
	c.time(&r.CreatedAt)
	c.bytes(&r.Body)
}

type webhookRecord struct {
	newer
	store.Webhook
	Deleted bool // what is open is being cancelled
}

func (r *webhookRecord) walk(c *coder) {
	w := &r.Webhook
	c.id(api.WebhookPrefix, &w.ID)
	c.uint(&w.Revision)
	c.str(&w.URL)
	c.strs(&w.Events)
	c.str(&w.Description)
	c.bool(&w.Active)
	c.time(&w.DisabledAt)
	c.str(&w.DisabledReason)
	c.time(&w.CreatedAt)
	c.duration(&w.Timeout)
	c.bool(&w.Ordered)
	c.float(&w.RateLimit)
	c.bool(&w.AllowPrivate)
	c.bytes(&w.Secret)
	c.bytes(&w.PreviousSecret)
	c.time(&w.PreviousUntil)
	c.str(&w.SecretLast4)
	c.int(&w.ConsecutiveFailures)
	c.time(&w.FirstFailureAt)
	c.time(&w.LastFailureAt)
	c.bool(&r.Deleted)
	if c.version >= 2 {
		c.bool(&w.Temporary)
	}
	if c.version >= 3 {
		c.time(&w.NextArrival)
	}
	if c.version >= 4 {
		c.bool(&w.NewSecretInUse)
		c.time(&w.SecretSince)
	}
}

// deliveryRecord is a Delivery with what only the store needs. Its State is
// never held.
type deliveryRecord struct {
	newer
	store.Delivery
	key    uid
	hook   uid
	Claims int    // numbers the attempts' ids
	Spent  uint64 // revision of the token that was spent last
	Latest string // of an original: its latest redelivery
	Root   string // of a redelivery: the original

	was deliveryIndexed
}

// deliveryIndexed is what the indexes say about a stored delivery.
type deliveryIndexed struct {
	stored bool
	status byte
	due    int64
	lease  int64
}

func (r *deliveryRecord) walk(c *coder) {
	d := &r.Delivery
	c.id(api.DeliveryPrefix, &d.ID)
	c.uint(&d.Revision)
	c.deliveryStatus(&d.Status)
	c.id(api.EventPrefix, &d.EventID)
	c.str(&d.EventType)
	c.id(api.WebhookPrefix, &d.WebhookID)
	c.id(api.JobPrefix, &d.JobID)
	c.uint(&d.Seq)
	c.time(&d.CreatedAt)
	c.time(&d.FinishedAt)
	c.time(&d.Due)
	c.int(&d.Attempts)
	c.bool(&d.Manual)
	c.id(api.DeliveryPrefix, &d.RedeliveryOf)
	c.str(&d.Owner)
	c.time(&d.LeaseUntil)
	c.int(&r.Claims)
	c.uint(&r.Spent)
	c.id(api.DeliveryPrefix, &r.Latest)
	c.id(api.DeliveryPrefix, &r.Root)
}

func (r *deliveryRecord) indexed() {
	r.was = deliveryIndexed{stored: true, status: deliveryStatusByte(r.Status), due: r.dueKey(), lease: r.leaseKey()}
}

// dueKey is when a waiting delivery is due, 0 for one that does not wait.
func (r *deliveryRecord) dueKey() int64 {
	if r.Status != api.DeliveryPending {
		return 0
	}
	return max(nanos(r.Due), 1)
}

func (r *deliveryRecord) leaseKey() int64 {
	if r.Status != api.DeliveryInFlight {
		return 0
	}
	return max(nanos(r.LeaseUntil), 1)
}

type attemptRecord struct {
	newer
	api.Attempt
}

func (r *attemptRecord) walk(c *coder) {
	a := &r.Attempt
	c.id(api.DeliveryPrefix, &a.ID)
	c.int(&a.Number)
	c.time(&a.StartedAt)
	c.float(&a.DurationMS)
	c.int(&a.Status)
	c.str(&a.Error)
	c.str(&a.ErrorKind)
	walkHeaders(c, &a.ResponseHeaders)
	c.str(&a.ResponseBody)
	c.bool(&a.Truncated)
	if c.version >= 2 {
		walkHeaders(c, &a.RequestHeaders)
	}
}

func walkHeaders(c *coder, p *map[string]string) {
	n := uint64(len(*p))
	c.uint(&n)
	if c.writing {
		for k, v := range *p {
			c.str(&k)
			c.str(&v)
		}
		return
	}
	*p = nil
	if n == 0 || n > uint64(len(c.b)) {
		c.bad = c.bad || n != 0
		return
	}
	*p = make(map[string]string, n)
	for range n {
		var k, v string
		c.str(&k)
		c.str(&v)
		(*p)[k] = v
	}
}

// resultRecord is the JSON of a completed job's result.
type resultRecord struct {
	newer
	JSON []byte
}

func (r *resultRecord) walk(c *coder) { c.bytes(&r.JSON) }

// loadResult reads a stored result. The schemas 1 and 2 have the JSON alone.
func loadResult(v []byte) ([]byte, error) {
	if len(v) == 0 || v[0]&checked == 0 {
		return append([]byte(nil), v...), nil
	}
	var r resultRecord
	if err := decode(v, resultVersion, &r); err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	return r.JSON, nil
}
