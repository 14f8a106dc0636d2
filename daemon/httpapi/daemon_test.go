package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/httpapi"
)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestTCP_needsAKeyAndAKnownHost(t *testing.T) {
	f := serve(t, nil)
	tests := []struct {
		name, path string
		header     []string
		status     int
	}{
		{"no key", "/v1/jobs", nil, 401},
		{"wrong key", "/v1/jobs", []string{"X-API-Key", "vp_0000000000000000000000000000000000000000"}, 401},
		{"key", "/v1/jobs", []string{"X-API-Key", f.key}, 200},
		{"bearer", "/v1/jobs", []string{"Authorization", "Bearer " + f.key}, 200},
		{"basic", "/v1/jobs", []string{"Authorization", "Basic " + f.key}, 401},
		{"health", "/health", nil, 200},
		{"metrics without key", "/metrics", nil, 401},
		{"metrics", "/metrics", []string{"X-API-Key", f.key}, 200},
		{"unknown route without key", "/zzz", nil, 401},
		{"rebound name", "/v1/jobs", []string{"X-API-Key", f.key, "Host", "evil.example:7733"}, 400},
		{"rebound health", "/health", []string{"Host", "evil.example"}, 400},
		{"configured name", "/v1/jobs", []string{"X-API-Key", f.key, "Host", "Calls.Example:80"}, 200},
		{"localhost", "/v1/jobs", []string{"X-API-Key", f.key, "Host", "localhost:1"}, 200},
		{"IPv6", "/v1/jobs", []string{"X-API-Key", f.key, "Host", "[::1]:1"}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := f.askTCP("GET", tt.path, "", tt.header...)
			if status != tt.status {
				t.Errorf("got %d %s, want %d", status, body, tt.status)
			}
			if status >= 400 {
				wantRefusal(t, status, body, tt.status, "")
			}
		})
	}
}

func TestTCP_lacksWhatIsForTheSocket(t *testing.T) {
	f := serve(t, nil)
	for _, route := range []string{"GET /v1/events", "GET /v1/doctor", "POST /v1/doctor", "POST /v1/daemon/stop", "GET /v1/daemon/backup", "POST /v1/watches", "PATCH /v1/watches/x", "DELETE /v1/watches/x", "POST /v1/watches/x/pause"} {
		method, path, _ := strings.Cut(route, " ")
		status, body := f.askTCP(method, path, "", "X-API-Key", f.key)
		wantRefusal(t, status, body, 404, "Unix socket")
	}
}

func TestHealth(t *testing.T) {
	state := api.HealthOK
	f := serve(t, func(c *httpapi.Config) { c.Health = func() string { return state } })
	if h := get[api.Health](f, 200, "GET", "/health", ""); h.Status != api.HealthOK || h.Version != "test" {
		t.Errorf("got %+v, want ok", h)
	}
	state = api.HealthStopping
	if h := get[api.Health](f, 503, "GET", "/health", ""); h.Status != api.HealthStopping {
		t.Errorf("got %+v, want stopping", h)
	}
}

func TestHealth_forMachinesThatAsk(t *testing.T) {
	state := api.HealthOK
	f := serve(t, func(c *httpapi.Config) { c.Health = func() string { return state } })
	for _, tt := range []struct {
		state, path string
		status      int
	}{
		{api.HealthOK, "/healthz", 200},
		{api.HealthOK, "/readyz", 200},
		{api.HealthOK, "/livez", 200},
		{api.HealthStopping, "/healthz", 503},
		{api.HealthStopping, "/readyz", 503},
		{api.HealthStopping, "/livez", 200},
	} {
		state = tt.state
		for _, method := range []string{"GET", "HEAD"} {
			if status, body := f.askTCP(method, tt.path, ""); status != tt.status || (method == "GET") != strings.Contains(body, tt.state) {
				t.Errorf("%s %s while %s: got %d %q, want %d", method, tt.path, tt.state, status, body, tt.status)
			}
		}
		conn := must((&net.Dialer{}).DialContext(t.Context(), "tcp", f.tcp))(t)
		if _, err := io.WriteString(conn, "GET "+tt.path+" HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := string(must(io.ReadAll(conn))(t))
		conn.Close()
		if !strings.HasPrefix(answer, "HTTP/1.0 "+strconv.Itoa(tt.status)) {
			t.Errorf("%s by HTTP/1.0 while %s: got %q, want %d", tt.path, tt.state, answer, tt.status)
		}
	}
}

func TestReadiness_tellsWhatKeepsWorkFromGoingOn(t *testing.T) {
	var problems []api.Problem
	f := serve(t, func(c *httpapi.Config) { c.Blocked = func() []api.Problem { return problems } })
	if h := get[api.Health](f, 200, "GET", "/readyz", ""); h.Status != api.HealthOK || len(h.Problems) != 0 {
		t.Errorf("got %+v, want ok", h)
	}
	problems = []api.Problem{{Code: "no_space", Message: "2 MB are left on the disk of /home/anna"}}
	status, body := f.askTCP("GET", "/readyz", "")
	if status != 503 || !strings.Contains(body, `"problems":["no_space"]`) || !strings.Contains(body, api.HealthBlocked) || strings.Contains(body, "anna") {
		t.Errorf("got %d %s, want 503 with the code and no more", status, body)
	}
	for _, path := range []string{"/healthz", "/livez"} {
		if status, body := f.askTCP("GET", path, ""); status != 200 {
			t.Errorf("%s: got %d %s, want 200: it answers", path, status, body)
		}
	}
}

func TestStatus(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) {
		c.Problems = func() []api.Problem {
			return []api.Problem{{Code: "disk_full", Message: "The disk is full.", Fix: "make room"}}
		}
	})
	if s := get[api.Status](f, 200, "GET", "/v1/status", ""); s.Running == nil || s.Webhooks == nil {
		t.Errorf("got %+v, want empty lists, not null", s)
	}
	hook := f.hook()
	f.submit("x")
	f.complete("x")
	f.submit("y")
	get[api.Folder](f, 201, "POST", "/v1/watches", `{"dir":"/calls"}`)
	s := get[api.Status](f, 200, "GET", "/v1/status", "")
	if s.Jobs[api.Completed] != 1 || s.Jobs[api.Queued] != 1 || s.Deliveries[api.DeliveryPending] != 1 {
		t.Errorf("got jobs %v and deliveries %v, want one completed, one queued and one pending", s.Jobs, s.Deliveries)
	}
	if len(s.Webhooks) != 1 || s.Webhooks[0].ID != hook.ID || s.Webhooks[0].Pending != 1 || len(s.Folders) != 1 || s.Folders[0].Dir != "/calls" {
		t.Errorf("got webhooks %v and folders %v, want the one of each", s.Webhooks, s.Folders)
	}
	if s.PID != os.Getpid() || s.Plan != "pro" || s.Model != "moonshine-tiny" || !s.ModelReady || s.DataDir != f.dir || len(s.Problems) != 1 {
		t.Errorf("got %+v, want what the API was told", s)
	}
}

func TestDoctor_probesOnlyWhenPosted(t *testing.T) {
	f := serve(t, nil)
	if c := get[api.Checkup](f, 200, "GET", "/v1/doctor", ""); len(c.Findings) != 1 || !c.Daemon || c.Version != "test" || f.doctor.probed {
		t.Errorf("got %+v, want the finding without a probe", c)
	}
	status, body := f.ask("GET", "/v1/doctor?probe=1", "")
	wantRefusal(t, status, body, 400, "POST")
	get[api.Checkup](f, 200, "POST", "/v1/doctor?probe=1", "")
	if !f.doctor.probed {
		t.Error("got no probe, want one")
	}
}

func TestStop(t *testing.T) {
	f := serve(t, nil)
	if h := get[api.Health](f, 202, "POST", "/v1/daemon/stop", ""); h.Status != api.HealthStopping {
		t.Errorf("got %+v, want stopping", h)
	}
	receive(t, "the stop", f.stopped)
}

func TestBackup_isThatOfTheDaemon(t *testing.T) {
	f := serve(t, nil)
	for _, ask := range []struct {
		method, body, want string
		status             int
	}{
		{"GET", "", "a backup", 200},
		{"POST", `{"passphrase":"correct horse"}`, "a backup with a key under correct horse", 200},
		{"POST", `{}`, "", 400},
	} {
		status, body := f.ask(ask.method, "/v1/daemon/backup", ask.body)
		if status != ask.status || ask.want != "" && body != ask.want {
			t.Errorf("%s %s: got %d %q, want %d %q", ask.method, ask.body, status, body, ask.status, ask.want)
		}
	}
}

// brokenBackup fails after it has written something.
func brokenBackup(written string) func(context.Context, io.Writer, string) error {
	return func(_ context.Context, w io.Writer, _ string) error {
		if written == "" {
			return errors.New("no database")
		}
		_, err := io.WriteString(w, written)
		return errors.Join(err, errors.New("the disk is gone"))
	}
}

func TestBackup_thatBreaksOffIsSeen(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) { c.Backup = brokenBackup("") })
	status, body := f.ask("GET", "/v1/daemon/backup", "")
	wantRefusal(t, status, body, 500, "")
	f = serve(t, func(c *httpapi.Config) { c.Backup = brokenBackup(strings.Repeat("x", 100_000)) })
	req := must(http.NewRequestWithContext(t.Context(), "GET", "http://voxparse/v1/daemon/backup", nil))(t)
	resp, err := f.socket.Do(req)
	if err != nil {
		return // broken off before its headers
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("got a whole answer, want one that breaks off")
	}
}

func TestFolders(t *testing.T) {
	f := serve(t, nil)
	added := get[api.Folder](f, 201, "POST", "/v1/watches", `{"dir":"/calls","options":{"recursive":true,"include":["*.wav"],"metadata":{"a":"1"}}}`)
	path := "/v1/watches/" + added.ID
	if list := get[api.List[api.Folder]](f, 200, "GET", "/v1/watches", ""); len(list.Items) != 1 || list.Items[0].ID != added.ID {
		t.Errorf("got %v, want the folder", list.Items)
	}
	changed := get[api.Folder](f, 200, "PATCH", path, `{"options":{"include":["*.mp3"],"metadata":{"b":"2"}}}`)
	if o := changed.Options; !o.Recursive || len(o.Include) != 1 || o.Include[0] != "*.mp3" || len(o.Metadata) != 1 || o.Metadata["b"] != "2" {
		t.Errorf("got %+v, want lists and metadata replaced and the rest kept", o)
	}
	for body, want := range map[string]string{`{"options":{"recursiv":true}}`: "recursiv", `{"options":[]}`: "options", `{"options":{"recursive":"yes"}}`: "recursive", `{"option":{}}`: "option", ``: "empty"} {
		status, got := f.ask("PATCH", path, body)
		wantRefusal(t, status, got, 400, want)
	}
	if got := get[api.Folder](f, 200, "POST", path+"/pause", ""); !got.Options.Paused {
		t.Error("got a folder that is not paused, want it paused")
	}
	if got := get[api.Folder](f, 200, "POST", path+"/resume", ""); got.Options.Paused {
		t.Error("got a paused folder, want it resumed")
	}
	get[api.Folder](f, 202, "POST", path+"/rescan", "")
	if file := get[api.FolderFile](f, 200, "GET", "/v1/watches/explain?path=/calls/a.wav", ""); file.Path != "/calls/a.wav" {
		t.Errorf("got %+v, want what is known of the file", file)
	}
	status, body := f.ask("GET", "/v1/watches/explain?file=x", "")
	wantRefusal(t, status, body, 400, `"file"`)
	if status, _ := f.ask("DELETE", path, ""); status != 204 {
		t.Errorf("got %d, want 204", status)
	}
	for _, method := range []string{"GET", "DELETE"} {
		status, body := f.ask(method, path, "")
		wantRefusal(t, status, body, 404, added.ID)
	}
}
