package store

import (
	"bytes"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Rotating reports whether the webhook has two secrets at now.
func (w *Webhook) Rotating(now time.Time) bool {
	return len(w.PreviousSecret) > 0 && w.PreviousUntil.After(now)
}

// SigningSecrets returns the sealed secret that signs at now: the one that the
// receiver accepted last. other is, during a rotation, the one that it may have
// changed over to; else it is nil.
func (w *Webhook) SigningSecrets(now time.Time) (inUse, other []byte) {
	switch {
	case !w.Rotating(now):
		return w.Secret, nil
	case w.NewSecretInUse:
		return w.Secret, w.PreviousSecret
	}
	return w.PreviousSecret, w.Secret
}

// SecretInUseSince returns from when on the secret that signs at now has been in
// use.
func (w *Webhook) SecretInUseSince(now time.Time) time.Time {
	if len(w.PreviousSecret) > 0 && !w.NewSecretInUse && !w.Rotating(now) {
		return w.PreviousUntil // the end of the overlap made the new one count
	}
	if w.SecretSince.IsZero() {
		return w.CreatedAt
	}
	return w.SecretSince
}

// Rotate gives the webhook a new sealed secret. For as long as overlap the
// secret in use stays valid, and in use until the receiver accepts the new one;
// with 0 it ends at once, as where there is none.
func (w *Webhook) Rotate(sealed []byte, last4 string, overlap time.Duration, now time.Time) {
	inUse, _ := w.SigningSecrets(now)
	if len(inUse) == 0 {
		overlap = 0
	}
	since := w.SecretInUseSince(now)
	w.Secret, w.SecretLast4 = sealed, last4
	w.PreviousSecret, w.PreviousUntil, w.NewSecretInUse, w.SecretSince = nil, time.Time{}, false, now
	if overlap > 0 {
		w.PreviousSecret, w.PreviousUntil, w.SecretSince = inUse, now.Add(overlap), since
	}
}

// GiveUpSecret leaves the webhook without a secret, and disabled until it has a
// new one and is enabled: what is for it is held.
func (w *Webhook) GiveUpSecret() {
	w.Secret, w.SecretLast4, w.Active, w.DisabledReason = nil, "", false, api.DisabledNoSecret
	w.PreviousSecret, w.PreviousUntil, w.NewSecretInUse, w.SecretSince = nil, time.Time{}, false, time.Time{}
}

// FinishRotation leaves the new secret only.
func (w *Webhook) FinishRotation(now time.Time) {
	if !w.NewSecretInUse {
		w.SecretSince = now
	}
	w.PreviousSecret, w.PreviousUntil, w.NewSecretInUse = nil, time.Time{}, false
}

// accept puts a sealed secret to use, if it is one of the two.
func (w *Webhook) accept(sealed []byte, now time.Time) (changed bool) {
	if len(sealed) == 0 || !w.Rotating(now) {
		return false
	}
	inUse, other := w.SigningSecrets(now)
	if bytes.Equal(sealed, inUse) || !bytes.Equal(sealed, other) {
		return false // another attempt noted it, or it was rotated once more
	}
	w.NewSecretInUse, w.SecretSince = !w.NewSecretInUse, now
	return true
}
