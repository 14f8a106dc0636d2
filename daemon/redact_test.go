package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
)

// confided holds one secret of each kind, spoken or written, and what of it
// must be nowhere. The words of secretWords are in no other text here.
const confided = "um my card is four five three nine one four eight eight oh three four three six four six seven it expires oh nine twenty seven the cvv is three oh nine " +
	"my social is 219-09-9999 call 212-555-0187 or write to zebulon@quagmire.example and I will send the report tomorrow"

var (
	secrets     = []string{"four five three nine", "three six four six seven", "oh nine twenty seven", "three oh nine", "219-09-9999", "212-555-0187", "555-0187", "zebulon", "quagmire"}
	secretWords = []string{"zebulon", "0187", "9999", `"four five three nine"`}
)

// checkMasked fails for every secret in text.
func checkMasked(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(text, []byte(s)) {
			t.Errorf("%s holds %q", what, s)
		}
	}
}

// holders returns the files below dir that hold one of secrets.
func holders(t *testing.T, dir string, secrets []string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				paths = append(paths, path)
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestRedactedTextIsNowhere(t *testing.T) {
	server := newChat(t, writes(strings.Replace(wellSaid, "Tomorrow.", "Ask zebulon@quagmire.example.", 1)))
	var log journal
	home := shortDir(t)
	f := startIn(t, home, func(o *daemon.Options) {
		o.Config.Mode = ""
		o.Config.Analysis.Endpoint, o.Config.Analysis.Model, o.Config.Analysis.Timeout = server.URL, "tiny", 5*time.Second
		o.Logger = log.logger()
	})
	// The delivery log keeps what a receiver answers, here the event itself.
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, got received) { w.Write(got.body) })
	hook := r.register(f, nil)
	res := f.submitWith(confided, func(u *client.Upload) {
		u.Options.RedactPII = true
		u.Options.Instructions = "Is it number 646-555-0128?"
	})
	if got := strings.Join(server.requests(), " "); strings.Contains(got, "646-555") || !strings.Contains(got, "Is it number [PHONE_NUMBER]?") {
		t.Errorf("got requests %q, want the number in the instructions masked", got)
	}
	for _, kind := range []string{"card_number", "card_expiry", "card_security_code", "ssn", "phone_number", "email_address"} {
		if res.Redactions[kind] != 1 {
			t.Errorf("got redactions %v, want one %s", res.Redactions, kind)
		}
	}
	if res.AIAnalysis.Method != "tiny" || res.AIAnalysis.Answer != "Ask [EMAIL_ADDRESS]." || len(res.AIAnalysis.Compliance) != 4 {
		t.Errorf("got analysis %+v, want the model's with its answer masked, and four concerns", res.AIAnalysis)
	}
	checkFormats(t, f, res.JobID)
	checkMasked(t, "the webhook", r.next().body)
	checkMasked(t, "the endpoint's requests", []byte(strings.Join(server.requests(), "\n")))
	checkMasked(t, "the answers of the API", []byte(fmt.Sprint(shown(f, res.JobID, hook.ID))))
	if f.found("report") != res.JobID {
		t.Error("the transcript is not in the search index, want it there, masked")
	}
	for _, w := range secretWords {
		if got := f.found(w); got != "" {
			t.Errorf("search %s: got %s, want nothing", w, got)
		}
	}
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	checkMasked(t, "the log", []byte(log.String()))
	if got := holders(t, home, secrets); len(got) > 0 {
		t.Errorf("got secrets in %q, want them in no file", got)
	}
}

// checkFormats fails for a format of a result that holds a secret, or no mask.
func checkFormats(t *testing.T, f *fixture, jobID string) {
	t.Helper()
	for _, format := range api.Formats {
		status, body := f.ask(http.MethodGet, "/v1/jobs/"+jobID+"/result?format="+format, "")
		if status != http.StatusOK || !strings.Contains(body, "CARD") {
			t.Errorf("%s: got %d %s, want the text with masks", format, status, body)
		}
		checkMasked(t, format, []byte(body))
	}
}

// shown is what the API says of a job and a webhook besides the result.
func shown(f *fixture, jobID, hookID string) (all []string) {
	for _, path := range []string{"/v1/jobs", "/v1/jobs/" + jobID, "/v1/jobs/" + jobID + "/events", "/v1/webhooks/" + hookID + "/deliveries", "/v1/status"} {
		_, body := f.ask(http.MethodGet, path, "")
		all = append(all, body)
	}
	return all
}

// The same search for secrets finds them where nothing was masked: a test that
// finds nothing must be able to.
func TestWithoutRedactionTheTextIsWhereItBelongs(t *testing.T) {
	home := shortDir(t)
	f := startIn(t, home, nil)
	res := f.submitWith(confided, nil)
	for _, w := range secretWords {
		if got := f.found(w); got != res.JobID {
			t.Errorf("search %s: got %q, want %s", w, got, res.JobID)
		}
	}
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(holders(t, home, secrets), " ")
	for _, want := range []string{".db", "search"} {
		if !strings.Contains(got, want) {
			t.Errorf("got secrets in %q, want them in a path with %q", got, want)
		}
	}
}

// A job that fails, or that is taken up again, leaves nothing either.
func TestAFailedJobWithRedactionLeavesNothing(t *testing.T) {
	home := shortDir(t)
	f := startIn(t, home, nil)
	for _, text := range []string{"fail " + api.JobNotAudio + " " + confided, "flaky " + confided} {
		u := upload(audio(text))
		u.Options.RedactPII = true
		acc, err := f.client.Submit(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		f.wait(acc.JobID)
		if err := f.client.DeleteJob(t.Context(), acc.JobID, false); err != nil && !errors.Is(err, api.NotFound) {
			t.Fatal(err)
		}
	}
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	if got := holders(t, home, secrets); len(got) > 0 {
		t.Errorf("got secrets in %q, want them in no file", got)
	}
}
