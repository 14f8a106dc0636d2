package daemon_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/vault"
)

// forms are the ways in which a secret could be lying about.
func forms(t *testing.T, secret string) map[string]string {
	t.Helper()
	_, digits, _ := strings.Cut(secret, "_")
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatalf("%q: %v", secret, err)
	}
	encoded := strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "=")
	whole := base64.StdEncoding.EncodeToString([]byte(secret))
	return map[string]string{"as it is": digits, "as bytes": string(raw), "in base64": encoded, "whole in base64": whole[:len(whole)-4]}
}

// everythingSaid is what the API says to who has a key, by path, once a webhook
// has so many deliveries.
func (f *fixture) everythingSaid(key, hookID string, want int) map[string]string {
	f.t.Helper()
	said := map[string]string{}
	for _, path := range []string{"/v1/webhooks", "/v1/webhooks/" + hookID, "/v1/webhooks/" + hookID + "/deliveries", "/v1/jobs", "/v1/status", "/metrics", "/health"} {
		status, body := f.askTCP("GET", path, "", "X-API-Key", key)
		if status != http.StatusOK {
			f.t.Errorf("%s: got %d, want 200", path, status)
		}
		said[path] = body
	}
	deliveries, err := f.client.Deliveries(f.t.Context(), hookID, deliveryQuery)
	if err != nil || len(deliveries) != want {
		f.t.Fatalf("got %d deliveries, %v, want %d", len(deliveries), err, want)
	}
	for _, d := range deliveries {
		_, said[d.ID] = f.askTCP("GET", "/v1/deliveries/"+d.ID, "", "X-API-Key", key)
	}
	_, said["an error"] = f.askTCP("POST", "/v1/webhooks/"+hookID+"/rotate-secret", `{"overlap_seconds":-1}`, "X-API-Key", key)
	return said
}

func TestSecretsAreNowhereButWithTheirOwners(t *testing.T) {
	var log journal
	f, key := startTCP(t, func(o *daemon.Options) { o.Logger, o.Config.AllowPrivate = log.logger(), true })
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, got received) {
		if got.event.Type == api.EventFailed {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	hook := r.register(f, nil)
	secrets := map[string]string{"the API key": key, "the first secret": hook.Secret}
	f.finished("x")
	r.next()
	rotated, err := f.client.RotateSecret(t.Context(), hook.ID, api.RotateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	secrets["the second secret"] = rotated.Secret
	f.finished("fail " + api.JobDamaged) // both secrets sign, again and again
	for range 4 {
		r.next()
	}
	if _, err := f.client.TestWebhook(t.Context(), hook.ID); err != nil {
		t.Fatal(err)
	}

	said := f.everythingSaid(key, hook.ID, 3)
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	said["the log"] = log.String()
	if !strings.Contains(log.String(), "webhook secret rotated") || len(holders(t, f.config.DataDir, []string{r.URL})) == 0 {
		t.Fatal("got a log without the rotation, or no database with the receiver's address: this test looks in the wrong places")
	}
	for whose, secret := range secrets {
		for how, form := range forms(t, secret) {
			for where, text := range said {
				if strings.Contains(text, form) {
					t.Errorf("got %s, %s, in %s", whose, how, where)
				}
			}
			if got := holders(t, f.config.DataDir, []string{form}); len(got) > 0 {
				t.Errorf("got %s, %s, in %q", whose, how, got)
			}
		}
	}
}

func TestACopyOfTheDatabaseAloneOpensNoSecret(t *testing.T) {
	f := start(t, nil)
	hook, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: ptr("https://example.com/hook")})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := f.Store().Webhook(t.Context(), hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	thief, err := vault.Open(t.TempDir(), vault.Options{NoKeyring: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := thief.Open(rec.Secret, hook.ID); !errors.Is(err, vault.ErrUnknownKey) || len(got) > 0 {
		t.Errorf("got %d bytes, %v without the key file, want %v", len(got), err, vault.ErrUnknownKey)
	}
	own, err := vault.Open(f.config.DataDir, vault.Options{NoKeyring: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := own.Open(rec.Secret, hook.ID); err != nil || string(got) != hook.Secret {
		t.Errorf("got %v with the key file, want the secret", err)
	}
	if _, err := own.Open(rec.Secret, "whk_01jtaaaaaaaaaaaaaaaaaaaaaa"); !errors.Is(err, vault.ErrTampered) {
		t.Errorf("got %v for a secret moved to another webhook, want %v", err, vault.ErrTampered)
	}
	st, err := os.Stat(filepath.Join(f.config.DataDir, "vault.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got the key file with mode %v, %v, want 0600", st.Mode(), err)
	}
}
