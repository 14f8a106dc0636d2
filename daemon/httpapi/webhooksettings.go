package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
)

// Limits of a webhook's settings.
const (
	maxURL          = 2048 // bytes
	maxDescription  = 500  // characters
	maxRateLimit    = 10000
	maxTimeout      = 60 * time.Second
	maxWebhookEvent = 16
)

var subscribable = []string{api.EventCompleted, api.EventFailed}

// applyPatch checks what a request asks for and puts it into rec.
func (srv *server) applyPatch(r *http.Request, rec *store.Webhook, p api.WebhookPatch) error {
	if err := srv.applyAddress(r, rec, p); err != nil {
		return err
	}
	if p.Events != nil {
		if err := checkEvents(*p.Events); err != nil {
			return err
		}
		rec.Events = slices.Compact(slices.Sorted(slices.Values(*p.Events)))
	}
	if p.Description != nil {
		if utf8.RuneCountInString(*p.Description) > maxDescription {
			return api.Errorf(api.Invalid, "description: over %d characters", maxDescription)
		}
		rec.Description = *p.Description
	}
	if p.TimeoutSeconds != nil {
		t := time.Duration(*p.TimeoutSeconds) * time.Second
		if t < time.Second || t > maxTimeout {
			return api.Errorf(api.Invalid, "timeout_seconds: got %d, want 1 to 60", *p.TimeoutSeconds)
		}
		rec.Timeout = t
	}
	if p.RateLimit != nil {
		if !(*p.RateLimit >= 0 && *p.RateLimit <= maxRateLimit) {
			return api.Errorf(api.Invalid, "rate_limit: got %g, want 0 (none) to %d deliveries a second", *p.RateLimit, maxRateLimit)
		}
		rec.RateLimit = *p.RateLimit
	}
	if p.Ordered != nil {
		rec.Ordered = *p.Ordered
	}
	if p.Active != nil {
		rec.Active = *p.Active
	}
	return nil
}

// applyAddress puts into rec where it sends to, and whether that may be private.
// Together they must name something that can be reached.
func (srv *server) applyAddress(r *http.Request, rec *store.Webhook, p api.WebhookPatch) error {
	moved := p.URL != nil && *p.URL != rec.URL
	if p.AllowPrivate != nil {
		if *p.AllowPrivate && !srv.mayBePrivate(r) {
			return api.Errorf(api.Invalid, "allow_private: over TCP only the daemon's setting allow_private can allow it")
		}
		if !*p.AllowPrivate && !moved && rec.URL != "" && sender.CheckURL(rec.URL, false) != nil {
			return api.Errorf(api.Invalid, "allow_private: the URL of this webhook is a loopback or private address, which it could not reach any more; give it another url with it")
		}
		rec.AllowPrivate = *p.AllowPrivate
	}
	if !moved {
		return nil
	}
	if len(*p.URL) > maxURL {
		return api.Errorf(api.Invalid, "url: over %d bytes", maxURL)
	}
	rec.AllowPrivate = rec.AllowPrivate && srv.mayBePrivate(r)
	if err := sender.CheckURL(*p.URL, rec.AllowPrivate); err != nil {
		return err
	}
	rec.URL = *p.URL
	return nil
}

func checkEvents(events []string) error {
	if len(events) > maxWebhookEvent {
		return api.Errorf(api.Invalid, "events: over %d", maxWebhookEvent)
	}
	for _, e := range events {
		if slices.Contains(subscribable, e) {
			continue
		}
		if near := api.Nearest(e, subscribable); near != "" {
			return api.Errorf(api.Invalid, "events: unknown event %q; did you mean %q?", e, near)
		}
		return api.Errorf(api.Invalid, "events: unknown event %q; allowed: %s", e, strings.Join(subscribable, ", "))
	}
	return nil
}
