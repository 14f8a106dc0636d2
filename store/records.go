package store

import (
	"encoding/json"
	"reflect"

	"github.com/voxparse/voxparse/api"
)

// The newest version of each kind of record. An older one is still read: walk
// looks at coder.version before a field that came later.
const (
	jobVersion      = 1
	eventVersion    = 1
	webhookVersion  = 2 // 2: Temporary
	deliveryVersion = 1
	attemptVersion  = 1
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
	Job
	key     uid
	Spent   uint64 // revision of the token that was spent last
	SpentAs byte
	PurgeAt int64 // key of the job in the purge index; 0 while it is open

	was jobIndexed
}

// jobIndexed is what the indexes say about a stored job.
type jobIndexed struct {
	stored bool
	state  byte
	queue  string
	due    int64
	purge  int64
}

func (r *jobRecord) walk(c *coder) {
	j := &r.Job
	c.id(api.JobPrefix, &j.ID)
	c.uint(&j.Revision)
	c.jobState(&j.State)
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
	r.was = jobIndexed{stored: true, state: jobStateByte(r.State), queue: r.Queue, due: r.dueKey(), purge: r.PurgeAt}
}

// dueKey is when the job can next be claimed: ready time or lease end. It is 0
// for a terminal job.
func (r *jobRecord) dueKey() int64 {
	switch {
	case r.State.Terminal():
		return 0
	case r.State == api.Processing:
		return max(nanos(r.LeaseUntil), 1)
	default:
		return max(nanos(r.Due), 1)
	}
}

type eventRecord struct{ Event }

func (r *eventRecord) walk(c *coder) {
	c.id(api.EventPrefix, &r.ID)
	c.uint(&r.Seq)
	c.str(&r.Type)
	c.id(api.JobPrefix, &r.JobID)
	c.time(&r.CreatedAt)
	c.bytes(&r.Body)
}

type webhookRecord struct {
	Webhook
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
}

// deliveryRecord is a Delivery with what only the store needs. Its State is
// never held.
type deliveryRecord struct {
	Delivery
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
	state  byte
	due    int64
	lease  int64
}

func (r *deliveryRecord) walk(c *coder) {
	d := &r.Delivery
	c.id(api.DeliveryPrefix, &d.ID)
	c.uint(&d.Revision)
	c.deliveryState(&d.State)
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
	r.was = deliveryIndexed{stored: true, state: deliveryStateByte(r.State), due: r.dueKey(), lease: r.leaseKey()}
}

// dueKey is when a waiting delivery is due, 0 for one that does not wait.
func (r *deliveryRecord) dueKey() int64 {
	if r.State != api.DeliveryPending {
		return 0
	}
	return max(nanos(r.Due), 1)
}

func (r *deliveryRecord) leaseKey() int64 {
	if r.State != api.DeliveryInFlight {
		return 0
	}
	return max(nanos(r.LeaseUntil), 1)
}

type attemptRecord struct{ api.Attempt }

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
