package dispatch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// secrets are those of a webhook at the time of an attempt, opened. During a
// rotation there are two.
type secrets struct {
	inUse, other string // other is "" outside a rotation
	sealedOther  []byte
	otherIsNew   bool
}

func (d *Dispatcher) openSecrets(w store.Webhook, now time.Time) (secrets, error) {
	inUse, other := w.SigningSecrets(now)
	opened, err := d.cfg.Secrets.Open(inUse, w.ID)
	if err != nil {
		return secrets{}, err
	}
	s := secrets{inUse: string(opened), sealedOther: other, otherIsNew: !w.NewSecretInUse}
	if len(other) > 0 {
		if opened, err = d.cfg.Secrets.Open(other, w.ID); err != nil {
			return secrets{}, err
		}
		s.other = string(opened)
	}
	return s, nil
}

// put puts the secrets into what is signed.
func (s secrets) put(to *webhook.Signing) {
	to.Secret, to.Previous, to.Next = s.inUse, "", ""
	if s.otherIsNew {
		to.Next = s.other
	} else {
		to.Previous = s.other
	}
}

// swapped returns the secrets with the other one in use.
func (s secrets) swapped() secrets {
	s.inUse, s.other, s.otherIsNew = s.other, s.inUse, !s.otherIsNew
	return s
}

// post signs and sends one event. During a rotation a receiver that refuses the
// signature of the secret in use is asked once more, within the same attempt,
// with that of the other: accepted is the other one, sealed, where it took that.
func (d *Dispatcher) post(ctx context.Context, c store.ClaimedDelivery) (att api.Attempt, accepted []byte, err error) {
	now, limit := time.Now(), Timeout(c.Webhook)
	if c.Delivery.LeaseUntil.Sub(now) < limit+leaseMargin {
		return api.Attempt{}, nil, errLeaseShort
	}
	keys, err := d.openSecrets(c.Webhook, now)
	if err != nil {
		return api.Attempt{}, nil, errors.Join(errNotSent, err)
	}
	if att, err = d.send(ctx, c, keys, limit); err != nil {
		return att, nil, err
	}
	left := limit - time.Since(now)
	if keys.other == "" || !refusesSignature(att) || left <= 0 {
		return att, nil, nil
	}
	again, err := d.send(ctx, c, keys.swapped(), left)
	if err != nil {
		return again, nil, err
	}
	again.StartedAt, again.DurationMS = att.StartedAt, att.DurationMS+again.DurationMS
	if sender.Delivered(again) {
		return again, keys.sealedOther, nil
	}
	if again.ErrorKind == api.AttemptLocal {
		return again, nil, nil
	}
	att.DurationMS = again.DurationMS
	att.Error += "; signed with the other secret of the rotation: " + again.Error
	return att, nil, nil
}

func refusesSignature(a api.Attempt) bool {
	return a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
}

// send signs an event with the secrets as they stand and posts it.
func (d *Dispatcher) send(ctx context.Context, c store.ClaimedDelivery, keys secrets, limit time.Duration) (api.Attempt, error) {
	s := webhook.Signing{Now: time.Now(), EventID: c.Event.ID, EventType: c.Event.Type, AttemptID: c.AttemptID, Attempt: c.Delivery.Attempts + 1}
	keys.put(&s)
	header := make(http.Header, 12)
	if err := webhook.Sign(header, c.Event.Body, s); err != nil {
		return api.Attempt{}, errors.Join(errNotSent, err)
	}
	target := sender.Target{URL: c.Webhook.URL, Timeout: limit, AllowPrivate: c.Webhook.AllowPrivate}
	att := d.cfg.Sender.Send(ctx, target, header, c.Event.Body)
	att.ID, att.Number = c.AttemptID, s.Attempt
	return att, nil
}
