package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/httpapi"
)

func TestWebhook_refused(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	tests := []struct{ name, body, want string }{
		{"no url", `{}`, "url"},
		{"nothing", ``, "empty"},
		{"not JSON", `{`, "JSON"},
		{"two values", `{} {}`, "more than one"},
		{"a list", `[]`, "want an object"},
		{"another kind", `{"url":7}`, "want a string"},
		{"unknown field", `{"url":"https://a.example","evnts":[]}`, "evnts"},
		{"long url", `{"url":"https://a.example/` + strings.Repeat("x", 2048) + `"}`, "url"},
		{"ftp", `{"url":"ftp://a.example"}`, "https"},
		{"password", `{"url":"https://u:p@a.example"}`, "password"},
		{"plain http outside", `{"url":"http://93.184.216.34/"}`, "http"},
		{"metadata service", `{"url":"http://169.254.169.254/"}`, "169.254.169.254"},
		{"event with a slip", `{"url":"https://a.example","events":["transcription.complete"]}`, `did you mean "transcription.completed"`},
		{"unknown event", `{"url":"https://a.example","events":["zzz"]}`, "allowed:"},
		{"many events", `{"url":"https://a.example","events":[` + strings.Repeat(`"transcription.failed",`, 16) + `"transcription.failed"]}`, "events"},
		{"timeout", `{"url":"https://a.example","timeout_seconds":61}`, "timeout_seconds"},
		{"rate", `{"url":"https://a.example","rate_limit":-1}`, "rate_limit"},
		{"description", `{"url":"https://a.example","description":"` + strings.Repeat("x", 501) + `"}`, "description"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := f.ask("POST", "/v1/webhooks", tt.body)
			wantRefusal(t, status, body, 400, tt.want)
			if tt.body != `{}` {
				status, body = f.ask("PATCH", "/v1/webhooks/"+hook.ID, tt.body)
				wantRefusal(t, status, body, 400, tt.want)
			}
		})
	}
	status, body := f.ask("POST", "/v1/webhooks", `{"url":"`+strings.Repeat("x", 100<<10)+`"}`)
	wantRefusal(t, status, body, 413, "65536")
}

func TestWebhook_unknown(t *testing.T) {
	f := serve(t, nil)
	const id = "whk_01jtaaaaaaaaaaaaaaaaaaaaaa"
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"PATCH", "", "{}"}, {"DELETE", "", ""}, {"POST", "/test", ""}, {"POST", "/rotate-secret", ""}, {"POST", "/enable", ""},
		{"GET", "/deliveries", ""}, {"GET", "/hold", ""}, {"POST", "/replay", `{"since":"2026-01-01T00:00:00Z"}`},
	} {
		status, body := f.ask(tt.method, "/v1/webhooks/"+id+tt.path, tt.body)
		wantRefusal(t, status, body, 404, "")
	}
}

func TestWebhook_createdChangedDeleted(t *testing.T) {
	f := serve(t, nil)
	hook := get[api.Webhook](f, 201, "POST", "/v1/webhooks", `{"url":"https://example.com/hook","events":["transcription.failed","transcription.failed"],"ordered":true,"rate_limit":2}`)
	if len(hook.Secret) != 6+64 || hook.SecretLast4 != "..."+hook.Secret[66:] || len(hook.Events) != 1 || !hook.Ordered || hook.RateLimit != 2 || !hook.Active {
		t.Errorf("got %+v, want a secret and what was asked for", hook)
	}
	for _, path := range []string{"/v1/webhooks", "/v1/webhooks/" + hook.ID, "/v1/status", "/metrics"} {
		if status, body := f.ask("GET", path, ""); status != 200 || strings.Contains(body, hook.Secret[:20]) {
			t.Errorf("%s: got %d, and the secret in it: %v", path, status, strings.Contains(body, hook.Secret[:20]))
		}
	}
	changed := get[api.Webhook](f, 200, "PATCH", "/v1/webhooks/"+hook.ID, `{"description":"phones","timeout_seconds":7,"active":false,"url":"https://example.com/other"}`)
	if changed.Description != "phones" || changed.TimeoutSeconds != 7 || changed.Active || changed.Secret != "" || changed.URL != "https://example.com/other" || len(changed.Events) != 1 {
		t.Errorf("got %+v, want what the patch names changed and the rest kept", changed)
	}
	if status, body := f.ask("DELETE", "/v1/webhooks/"+hook.ID, ""); status != 204 {
		t.Fatalf("got %d %s, want 204", status, body)
	}
	status, body := f.ask("GET", "/v1/webhooks/"+hook.ID, "")
	wantRefusal(t, status, body, 404, "")
}

func TestDelete_withOpenDeliveries(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	job := f.submit("x")
	f.complete("x")
	for _, path := range []string{"/v1/webhooks/" + hook.ID, "/v1/jobs/" + job} {
		status, body := f.ask("DELETE", path, "")
		wantRefusal(t, status, body, 409, "has 1 delivery that is not sent yet (1 pending)")
		wantRefusal(t, status, body, 409, "force=true")
		status, body = f.ask("DELETE", path+"?force=maybe", "")
		wantRefusal(t, status, body, 400, "force")
	}
	if d := get[api.List[api.Delivery]](f, 200, "GET", "/v1/webhooks/"+hook.ID+"/deliveries", "").Items; len(d) != 1 || d[0].Status != api.DeliveryPending {
		t.Errorf("got %+v, want the delivery as it was", d)
	}
	for _, path := range []string{"/v1/jobs/" + job, "/v1/webhooks/" + hook.ID} {
		if status, body := f.ask("DELETE", path+"?force=true", ""); status != 204 {
			t.Errorf("%s: got %d %s, want it removed by force", path, status, body)
		}
	}
}

func TestWebhook_overThePlan(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) { c.Settings.WebhookCap = 2 })
	f.hook()
	f.hook()
	status, body := f.ask("POST", "/v1/webhooks", `{"url":"https://example.com/hook"}`)
	wantRefusal(t, status, body, 409, `plan = "unlimited"`)
}

func TestWebhook_privateAddressOverTCP(t *testing.T) {
	const private = `{"url":"http://127.0.0.1:1/"}`
	f := serve(t, nil)
	for name, body := range map[string]string{"loopback": private, "private": `{"url":"https://10.0.0.1/"}`, "asked for": `{"url":"https://a.example","allow_private":true}`} {
		if status, got := f.askTCP("POST", "/v1/webhooks", body, "X-API-Key", f.key); status != 400 {
			t.Errorf("%s: got %d %s, want 400", name, status, got)
		}
	}
	hook := get[api.Webhook](f, 201, "POST", "/v1/webhooks", private)
	if status, got := f.askTCP("PATCH", "/v1/webhooks/"+hook.ID, `{"url":"http://127.0.0.1:2/"}`, "X-API-Key", f.key); status != 400 {
		t.Errorf("got %d %s for another private address over TCP, want 400", status, got)
	}
	status, got := f.ask("PATCH", "/v1/webhooks/"+hook.ID, `{"allow_private":false}`)
	wantRefusal(t, status, got, 400, "allow_private: the URL of this webhook is a loopback or private address")
	if kept := get[api.Webhook](f, 200, "GET", "/v1/webhooks/"+hook.ID, ""); !kept.AllowPrivate {
		t.Error("got a webhook that cannot reach its own address, want the change refused")
	}
	if changed := get[api.Webhook](f, 200, "PATCH", "/v1/webhooks/"+hook.ID, `{"allow_private":false,"url":"https://example.com/hook"}`); changed.AllowPrivate {
		t.Error("got a webhook that may reach private addresses, want that taken back")
	}
	open := serve(t, func(c *httpapi.Config) { c.Settings.AllowPrivate = true })
	if status, got := open.askTCP("POST", "/v1/webhooks", private, "X-API-Key", open.key); status != 201 {
		t.Errorf("got %d %s where the setting allows it, want 201", status, got)
	}
}

func TestRotateSecret(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	path := "/v1/webhooks/" + hook.ID + "/rotate-secret"
	rotated := get[api.Webhook](f, 200, "POST", path, "")
	if rotated.Secret == hook.Secret || rotated.Secret == "" || rotated.PreviousUntil.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("got another secret %v and an overlap until %v, want a day", rotated.Secret != hook.Secret, rotated.PreviousUntil)
	}
	rec := must(f.db.Webhook(t.Context(), hook.ID))(t)
	if string(rec.Secret) != rotated.Secret || string(rec.PreviousSecret) != hook.Secret {
		t.Error("got other secrets in the store, want the new one and the one before")
	}
	status, got := f.ask("POST", path, "")
	wantRefusal(t, status, got, 409, "--finish")
	status, got = f.ask("POST", path, `{"finish":true,"force":true}`)
	wantRefusal(t, status, got, 400, "finish")
	if now := get[api.Webhook](f, 200, "POST", path, `{"overlap_seconds":0,"force":true}`); !now.PreviousUntil.IsZero() {
		t.Errorf("got an overlap until %v, want none", now.PreviousUntil)
	}
	for _, body := range []string{`{"overlap_seconds":-1}`, `{"overlap_seconds":604801}`, `{"overlap":1}`} {
		status, got := f.ask("POST", path, body)
		wantRefusal(t, status, got, 400, "overlap")
	}
}

func TestRotateSecret_keepsBothWhereTheKeyCannotBeRead(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) { c.Secrets = locked{} })
	hook := f.hook()
	status, got := f.ask("POST", "/v1/webhooks/"+hook.ID+"/rotate-secret", "")
	wantRefusal(t, status, got, 503, "the keyring is locked")
	if rec := must(f.db.Webhook(t.Context(), hook.ID))(t); string(rec.Secret) != hook.Secret {
		t.Error("got another secret, want the one before: whether it is lost could not be told")
	}
}

func TestTestWebhook_answersWithTheFirstAttempt(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-f.db.DeliveriesReady()
		f.attempt(418, api.DeliveryFailed)
	}()
	d := get[api.Delivery](f, 202, "POST", "/v1/webhooks/"+hook.ID+"/test", "")
	receive(t, "the attempt", done)
	if d.EventType != api.EventTest || !d.Manual || len(d.Attempts) != 1 || d.Attempts[0].Status != 418 {
		t.Errorf("got %+v, want one attempt answered with 418", d)
	}
	get[api.Webhook](f, 200, "PATCH", "/v1/webhooks/"+hook.ID, `{"active":false}`)
	status, body := f.ask("POST", "/v1/webhooks/"+hook.ID+"/test", "")
	wantRefusal(t, status, body, 409, "enable it first")
}

func TestTestWebhook_doesNotOutlastTheDaemon(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	close(f.halted)
	if d := get[api.Delivery](f, 202, "POST", "/v1/webhooks/"+hook.ID+"/test", ""); d.Status != api.DeliveryPending || len(d.Attempts) != 0 || d.NextDueAt.IsZero() {
		t.Errorf("got %+v, want a delivery that waits", d)
	}
}

func TestEnable_replaysWhatWasMissed(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	f.submit("x")
	f.complete("x")
	f.attempt(410, api.DeliveryFailed)
	gone := get[api.Webhook](f, 200, "GET", "/v1/webhooks/"+hook.ID, "")
	if gone.Active || gone.DisabledReason != api.DisabledGone || gone.DisabledAt.IsZero() {
		t.Fatalf("got %+v, want it disabled", gone)
	}
	f.submit("y")
	f.complete("y")
	s := get[api.Status](f, 200, "GET", "/v1/status", "")
	if len(s.Problems) != 1 || s.Problems[0].Code != "webhook_disabled" || !strings.Contains(s.Problems[0].Fix, hook.ID) || len(s.Webhooks) != 1 || s.Webhooks[0].Held != 1 {
		t.Errorf("got problems %v and webhooks %v, want the disabled webhook with one held", s.Problems, s.Webhooks)
	}
	for _, body := range []string{`{"since":"yesterday"}`, `{"since":"2026-01-01T00:00:00Z","statuses":["pending"]}`, `{"sinze":1}`} {
		status, got := f.ask("POST", "/v1/webhooks/"+hook.ID+"/enable", body)
		wantRefusal(t, status, got, 400, "")
	}
	ask := `{"since":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"}`
	if back := get[api.Webhook](f, 200, "POST", "/v1/webhooks/"+hook.ID+"/enable", ask); !back.Active || back.DisabledReason != "" {
		t.Errorf("got %+v, want it active", back)
	}
	f.attempt(200, api.DeliveryDelivered)
	f.attempt(200, api.DeliveryDelivered) // the held one and, by replay, the failed one
}

func TestReplay(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	f.submit("x")
	f.complete("x")
	f.attempt(200, api.DeliveryDelivered)
	path := "/v1/webhooks/" + hook.ID + "/replay"
	since := `"since":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"`
	if n := get[api.ReplayAnswer](f, 202, "POST", path, `{`+since+`}`); n.Deliveries != 0 {
		t.Errorf("got %v for what failed, want 0", n)
	}
	if n := get[api.ReplayAnswer](f, 202, "POST", path, `{`+since+`,"statuses":["delivered"]}`); n.Deliveries != 1 {
		t.Errorf("got %v for what was delivered, want 1", n)
	}
	for body, want := range map[string]string{`{}`: "since: missing", `{` + since + `,"statuses":["lost"]}`: "lost", ``: "empty", `{"until":5}`: "time"} {
		status, got := f.ask("POST", path, body)
		wantRefusal(t, status, got, 400, want)
	}
}

func TestDeliveries(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	var jobIDs []string
	for range 3 {
		jobIDs = append(jobIDs, f.submit("x"))
		f.complete("x")
		f.attempt(500, api.DeliveryFailed)
	}
	last := f.submit("y")
	f.complete("y")
	list := func(query string) []api.Delivery {
		t.Helper()
		return get[api.List[api.Delivery]](f, 200, "GET", "/v1/webhooks/"+hook.ID+"/deliveries"+query, "").Items
	}
	if all := list(""); len(all) != 4 || all[0].JobID != last {
		t.Errorf("got %v, want four with that of %s first", all, last)
	}
	for _, query := range []string{"?status=failed_permanent&limit=2&offset=1", "?state=failed_permanent&limit=2&offset=1"} { // state is the old name
		if page := list(query); len(page) != 2 || page[0].JobID != jobIDs[1] || page[1].JobID != jobIDs[0] {
			t.Errorf("%s: got %v, want the two oldest of %v", query, page, jobIDs)
		}
	}
	if one := list("?job_id=" + jobIDs[1]); len(one) != 1 || one[0].JobID != jobIDs[1] {
		t.Errorf("got %v, want the one of %s", one, jobIDs[1])
	}
	if none := list("?offset=100"); len(none) != 0 {
		t.Errorf("got %v beyond the end, want nothing", none)
	}
	if none := list("?until=" + url.QueryEscape(time.Now().Add(-time.Hour).Format(time.RFC3339))); len(none) != 0 {
		t.Errorf("got %v before there was any, want nothing", none)
	}
	for query, want := range map[string]string{"?status=lost": "status", "?state=lost": "state", "?limit=x": "limit", "?page=2": "page"} {
		status, body := f.ask("GET", "/v1/webhooks/"+hook.ID+"/deliveries"+query, "")
		wantRefusal(t, status, body, 400, want)
	}
}

func TestRedeliver(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	f.submit("x")
	f.complete("x")
	f.attempt(500, api.DeliveryFailed)
	failed := get[api.List[api.Delivery]](f, 200, "GET", "/v1/webhooks/"+hook.ID+"/deliveries", "").Items[0]
	shown := get[api.Delivery](f, 200, "GET", "/v1/deliveries/"+failed.ID, "")
	if len(shown.Attempts) != 1 || shown.Attempts[0].Status != 500 || shown.Status != api.DeliveryFailed {
		t.Errorf("got %+v, want one attempt answered with 500", shown)
	}
	if byAttempt := get[api.Delivery](f, 200, "GET", "/v1/deliveries/"+shown.Attempts[0].ID, ""); byAttempt.ID != failed.ID {
		t.Errorf("got %s for the id of an attempt, want %s", byAttempt.ID, failed.ID)
	}
	again := get[api.Delivery](f, 202, "POST", "/v1/deliveries/"+failed.ID+"/redeliver", "")
	if again.RedeliveryOf != failed.ID || again.ID == failed.ID || !again.Manual || again.Status != api.DeliveryPending {
		t.Errorf("got %+v, want a new manual delivery of it", again)
	}
	for _, tt := range []struct{ method, path string }{{"GET", "/v1/deliveries/dlv_nope"}, {"POST", "/v1/deliveries/dlv_nope/redeliver"}} {
		status, body := f.ask(tt.method, tt.path, "")
		wantRefusal(t, status, body, 404, "")
	}
}

func TestTemporaryWebhook_isLeasedByAStream(t *testing.T) {
	f := serve(t, nil)
	lasting := f.hook()
	status, body := f.ask("GET", "/v1/webhooks/"+lasting.ID+"/hold", "")
	wantRefusal(t, status, body, 409, "temporary")
	hook := get[api.Webhook](f, 201, "POST", "/v1/webhooks", `{"url":"https://example.com/hook","temporary":true}`)
	receive(t, "that it was made", f.leases.made)
	resp := f.open(t.Context(), "GET", "/v1/webhooks/"+hook.ID+"/hold", "")
	if got := receive(t, "the lease", f.leases.taken); got != hook.ID {
		t.Errorf("got the lease of %s, want %s", got, hook.ID)
	}
	resp.Body.Close()
	if got := receive(t, "the end of the lease", f.leases.returned); got != hook.ID {
		t.Errorf("got the end of the lease of %s, want %s", got, hook.ID)
	}
	f.open(t.Context(), "GET", "/v1/webhooks/"+hook.ID+"/hold", "")
	close(f.halted)
	receive(t, "the end of the lease", f.leases.returned)
}

func TestErrors_speakOfTheBodyAlone(t *testing.T) {
	f := serve(t, nil)
	path := "/v1/webhooks/" + f.hook().ID + "/replay"
	tests := []struct{ body, want string }{
		{`{"since":"yesterday"}`, `got "yesterday", want a time such as "2026-05-03T12:00:00Z"`},
		{`{"since":"2026-13-01T00:00:00Z"}`, `got "2026-13-01T00:00:00Z", want a time such as`},
		{`{"since":5}`, `want a time such as`},
		{`{"statuses":"failed"}`, `statuses: got a JSON string, want a list`},
		{`{"statuses":[1]}`, `statuses: got a JSON number, want a string`},
		{`[]`, `got a JSON array, want an object`},
		{`{"sinze":1}`, `unknown field "sinze"`},
		{`{"since"`, `not JSON: it ends too early`},
		{`{since:1}`, `not JSON: invalid character 's'`},
		{`{} {}`, `holds more than one JSON value`},
	}
	for _, tt := range tests {
		t.Run(tt.body, func(t *testing.T) {
			status, body := f.ask("POST", path, tt.body)
			wantRefusal(t, status, body, 400, tt.want)
			var e api.ErrorBody
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatal(err)
			}
			for _, ours := range []string{"json:", "Go ", "parsing time", "api.", "Unmarshal"} {
				if strings.Contains(e.Error.Message, ours) {
					t.Errorf("got %q, which speaks of how it is written (%s)", e.Error.Message, ours)
				}
			}
		})
	}
}
