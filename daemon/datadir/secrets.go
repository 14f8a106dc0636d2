package datadir

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// lostKeyFix is what to do about secrets that no master key opens.
const lostKeyFix = "put the key back, from the backup that the database is of; without it, give these secrets up with: voxparse daemon reset-key"

// OpenVault opens the vault of the data folder. No master key is made where
// secrets are sealed with one that is gone: with a new one they would never be
// opened, and nobody would be told. The error is api.Conflict, with what to do,
// where the key is missing or opens none of them.
func OpenVault(ctx context.Context, dir string, hooks store.Webhooks, opts vault.Options) (*vault.Vault, error) {
	sealed, err := sealedWebhooks(ctx, hooks)
	if err != nil {
		return nil, err
	}
	opts.MustExist = len(sealed) > 0
	v, err := vault.Open(dir, opts)
	if errors.Is(err, vault.ErrNoKey) {
		return nil, api.Errorf(api.Conflict, "the master key is missing in %s, and the secrets of the webhooks are sealed with it; nothing was changed\n%s", dir, lostKeyFix)
	}
	if err != nil {
		return nil, err
	}
	if lost := lostSecrets(v, sealed); len(lost) > 0 && len(lost) == len(sealed) {
		return nil, api.Errorf(api.Conflict, "the master key of %s is not the one with which the secrets of the webhooks are sealed; nothing was changed\n%s", dir, lostKeyFix)
	}
	return v, nil
}

// sealedWebhooks are the webhooks with a secret, but for those that end with
// whoever holds them.
func sealedWebhooks(ctx context.Context, hooks store.Webhooks) (sealed []store.Webhook, err error) {
	all, err := hooks.Webhooks(ctx)
	for _, w := range all {
		if len(w.Secret) > 0 && !w.Temporary {
			sealed = append(sealed, w)
		}
	}
	return sealed, err
}

// lostSecrets are the webhooks whose secret in use was sealed with a master key
// that the vault does not have.
func lostSecrets(v *vault.Vault, sealed []store.Webhook) (lost []store.Webhook) {
	for _, w := range sealed {
		inUse, _ := w.SigningSecrets(time.Now())
		if gone, err := v.Lost(inUse); err == nil && gone {
			lost = append(lost, w)
		}
	}
	return lost
}

// SecretProblems are the webhooks to which nothing can be sent for want of their
// secret.
func SecretProblems(ctx context.Context, hooks store.Webhooks, v *vault.Vault) (out []api.Problem) {
	sealed, err := sealedWebhooks(ctx, hooks)
	if err != nil {
		return nil // the store says it
	}
	for _, w := range lostSecrets(v, sealed) {
		out = append(out, api.Problem{Code: "webhook_secret_lost", Fix: "voxparse webhooks rotate " + w.ID,
			Message: fmt.Sprintf("the secret of the webhook %s was sealed with a master key that is not here, so nothing can be sent to it", w.ID)})
	}
	return out
}

// ResetKey gives up the secrets that no master key opens, makes a new key where
// there is none, and returns the webhooks that have no secret now: they are
// disabled until each has a new one. check is that of boltstore.Config. No daemon may run:
// else the error is api.Conflict.
func ResetKey(ctx context.Context, dir string, check func(ctx context.Context, path string) error) (given []api.Webhook, err error) {
	db, err := boltstore.Open(ctx, dir, boltstore.Config{Check: check, Traces: Traces(dir)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sealed, err := sealedWebhooks(ctx, db)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(dir, vault.Options{})
	if err != nil {
		return nil, err
	}
	for _, w := range lostSecrets(v, sealed) {
		w, err := db.UpdateWebhook(ctx, w.ID, func(w *store.Webhook) error {
			w.GiveUpSecret()
			return nil
		})
		if err != nil {
			return given, err
		}
		given = append(given, api.Webhook{ID: w.ID, URL: w.URL, DisabledReason: w.DisabledReason})
	}
	return given, nil
}
