package daemon_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/webhook"
)

// far is a receiver that knows one secret at a time, and tells which events
// arrived with a valid signature.
type far struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	got    chan webhook.Event
}

func newFar(t *testing.T) *far {
	f := &far{got: make(chan webhook.Event, 100)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a webhook: %v", err)
		}
		f.mu.Lock()
		secret := f.secret
		f.mu.Unlock()
		if err := webhook.Verify(body, r.Header, secret, time.Minute); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		event, err := webhook.Parse(body)
		if err != nil {
			t.Errorf("parse a webhook: %v", err)
		}
		f.got <- event
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *far) knows(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secret = secret
}

// event waits for the event of a job.
func (f *far) event(t *testing.T, job string) {
	t.Helper()
	select {
	case e := <-f.got:
		if d, ok := e.Data.(*webhook.Completed); !ok || d.JobID != job {
			t.Errorf("got the event %+v, want that of %s", e, job)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no event arrived within 30 s")
	}
}

// addWebhook has the daemon tell the receiver.
func (r *running) addWebhook(t *testing.T, f *far) string {
	t.Helper()
	url, private := f.URL, true
	w, err := r.c.CreateWebhook(t.Context(), api.WebhookPatch{URL: &url, AllowPrivate: &private})
	if err != nil {
		t.Fatal(err)
	}
	f.knows(w.Secret)
	return w.ID
}

func TestLostMasterKey_refusesTheStartUntilTheSecretsAreGivenUp(t *testing.T) {
	t.Setenv("VOXPARSE_NO_KEYRING", "1")
	for name, lose := range map[string]func(t *testing.T, key string){
		"missing": func(t *testing.T, key string) {
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
		},
		"foreign": func(t *testing.T, key string) {
			other := run(t, daemontest.ShortDir(t), nil)
			other.stop(t)
			data, err := os.ReadFile(filepath.Join(other.cfg.DataDir, "vault.key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(key, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, f := daemontest.ShortDir(t), newFar(t)
			r := run(t, dir, nil)
			hook := r.addWebhook(t, f)
			f.event(t, r.transcribe(t).ID)
			r.stop(t)
			key := filepath.Join(r.cfg.DataDir, "vault.key")
			kept, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			lose(t, key)
			lost, lostErr := os.ReadFile(key)

			for range 2 { // the second finds what the first left
				_, err := daemon.New(t.Context(), daemon.Options{Config: daemontest.Settings(t, dir), Transcriber: echo{}})
				if !errors.Is(err, api.Conflict) || !strings.Contains(err.Error(), "master key") || !strings.Contains(err.Error(), "voxparse daemon reset-key") {
					t.Fatalf("got %v, want the start refused, and what to do", err)
				}
				if now, err := os.ReadFile(key); string(now) != string(lost) || errors.Is(err, os.ErrNotExist) != errors.Is(lostErr, os.ErrNotExist) {
					t.Fatal("the start changed the master key, want it left alone")
				}
			}
			if err := os.WriteFile(key, kept, 0o600); err != nil {
				t.Fatal(err)
			}
			again := run(t, dir, nil) // with the key put back all is as it was
			f.event(t, again.transcribe(t).ID)
			again.stop(t)

			lose(t, key)
			given, err := datadir.ResetKey(t.Context(), daemontest.Settings(t, dir).DataDir, nil)
			if err != nil || len(given) != 1 || given[0].ID != hook {
				t.Fatalf("got %+v, %v given up, want %s", given, err, hook)
			}
			testGivenUp(t, run(t, dir, nil), f, hook)
		})
	}
}

// testGivenUp has the webhook without a secret get one, and then its events.
func testGivenUp(t *testing.T, r *running, f *far, hook string) {
	t.Helper()
	w, err := r.c.Webhook(t.Context(), hook)
	if err != nil || w.Active || w.DisabledReason != api.DisabledNoSecret {
		t.Errorf("got active %v, reason %q, %v, want it disabled for want of its secret", w.Active, w.DisabledReason, err)
	}
	s, err := r.c.Status(t.Context())
	if err != nil || len(s.Problems) == 0 || !strings.Contains(s.Problems[len(s.Problems)-1].Fix, "voxparse webhooks rotate "+hook) {
		t.Errorf("got problems %+v, %v, want what to do about %s", s.Problems, err, hook)
	}
	held := r.transcribe(t)
	on := true
	if _, err := r.c.UpdateWebhook(t.Context(), hook, api.WebhookPatch{Active: &on}); !errors.Is(err, api.Conflict) || !strings.Contains(err.Error(), "rotate") {
		t.Errorf("enable without a secret: got %v, want a conflict that says what to do", err)
	}
	if d, err := r.c.TestWebhook(t.Context(), hook); err == nil && d.Status == api.DeliveryDelivered {
		t.Error("got a test delivered without a secret")
	}
	fresh, err := r.c.RotateSecret(t.Context(), hook, api.RotateRequest{})
	if err != nil || fresh.Secret == "" || !fresh.PreviousUntil.IsZero() {
		t.Fatalf("rotate: got %+v, %v, want one new secret, and no overlap with one that is lost", fresh, err)
	}
	f.knows(fresh.Secret)
	if _, err := r.c.UpdateWebhook(t.Context(), hook, api.WebhookPatch{Active: &on}); err != nil {
		t.Fatal(err)
	}
	f.event(t, held.ID)
}
