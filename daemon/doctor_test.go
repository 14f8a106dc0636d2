package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// faults are the findings that are not fine.
func faults(findings []api.Finding) []api.Finding {
	var out []api.Finding
	for _, f := range findings {
		if f.Level != api.LevelOK {
			out = append(out, f)
		}
	}
	return out
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorAsksReceivers(t *testing.T) {
	f := start(t, nil)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	var asked []string
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method)
		w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer late.Close()
	for _, server := range []*httptest.Server{gone, late} {
		url := server.URL + "/secret-path?token=secret-token"
		if _, err := f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: &url}); err != nil {
			t.Fatal(err)
		}
	}
	quiet, err := f.client.Doctor(t.Context(), false)
	if err != nil || len(asked) > 0 {
		t.Errorf("got %v and requests %v without a probe, want none", err, asked)
	}
	for _, found := range faults(quiet.Findings) {
		if found.ID == "webhook" {
			t.Errorf("got %+v without a probe, want no fault", found)
		}
	}
	probed, err := f.client.Doctor(t.Context(), true)
	if err != nil || len(asked) != 1 || asked[0] != http.MethodHead {
		t.Errorf("got %v and requests %v for a probe, want one HEAD", err, asked)
	}
	var unreachable, skewed bool
	for _, found := range faults(probed.Findings) {
		unreachable = unreachable || found.ID == "webhook" && strings.Contains(found.Message, "refuses connections") && strings.HasPrefix(found.Fix, "voxparse webhooks test whk_")
		skewed = skewed || found.ID == "clock" && strings.Contains(found.Message, "differ by 2h0m") && found.Fix == "sudo timedatectl set-ntp true"
		if strings.Contains(found.Message, "secret") {
			t.Errorf("got %q, want nothing of the URL but its host", found.Message)
		}
	}
	if !unreachable || !skewed {
		t.Errorf("got %+v, want that one receiver is not reached and the other's clock differs", faults(probed.Findings))
	}
	if status, body := f.ask("GET", "/v1/doctor?probe=1", ""); status != 400 {
		t.Errorf("got %d %s for a GET that would probe, want 400", status, body)
	}
}

func TestDoctorSeesWhatChangedUnderTheDaemon(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, nil)
	of := func(id string) api.Finding {
		t.Helper()
		c, err := f.client.Doctor(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range c.Findings {
			if found.ID == id {
				return found
			}
		}
		t.Fatalf("got no finding %s in %+v", id, c.Findings)
		return api.Finding{}
	}
	if got := of("config"); got.Level != api.LevelOK {
		t.Errorf("got %+v without a config file, want that the defaults hold", got)
	}
	if err := os.MkdirAll(filepath.Dir(f.config.ConfigFile), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f.config.ConfigFile, "model = \"moonshine-base\"\n")
	if got := of("config"); got.Level != api.LevelWarn || got.Fix != "voxparse daemon restart" {
		t.Errorf("got %+v for a new config file, want a warning and a restart", got)
	}
	write(t, f.config.ConfigFile, "modle = 1\n")
	if got := of("config"); got.Level != api.LevelError || !strings.Contains(got.Fix, f.config.ConfigFile) {
		t.Errorf("got %+v for a config file with a mistake, want an error that names it", got)
	}
	if got := of("database"); got.Level != api.LevelOK {
		t.Errorf("got %+v, want that the database answers", got)
	}
}

func TestDoctorSeesWebhooksThatFail(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ received) { w.WriteHeader(http.StatusGone) })
	hook := r.register(f, nil)
	f.wait(f.submit("x"))
	r.next()
	until(t, "the end of the webhook", func() bool {
		h, err := f.client.Webhook(t.Context(), hook.ID)
		return err == nil && !h.Active
	})
	found, err := f.client.Doctor(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range found.Findings {
		if x.ID == "webhook" && x.Level == api.LevelError && x.Fix == "voxparse webhooks enable "+hook.ID {
			return
		}
	}
	t.Errorf("got %+v, want an error about the disabled webhook and how to enable it", faults(found.Findings))
}
