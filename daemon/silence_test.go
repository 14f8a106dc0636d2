package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/config"
)

// officeSays returns a change of options that adds a remote engine called
// office, which answers everything with that JSON.
func officeSays(t *testing.T, answer string) func(*daemon.Options) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return func(o *daemon.Options) {
		o.Config.Engines = map[string]config.Engine{"office": {Type: "openai", URL: server.URL}}
	}
}

func TestWhatIsMaskedIsSilentInTheCopy(t *testing.T) {
	f := startReal(t, officeSays(t, `{"text":"My card is 4111 1111 1111 1111. Thank you.","duration":7.4,"language":"en","segments":[
		{"start":0.5,"end":1.5,"text":"Hello."},{"start":3,"end":4.5,"text":"My card is 4111 1111 1111 1111."},{"start":6,"end":7,"text":"Thank you."}]}`))
	source := recording(t)
	u := upload(source)
	u.Options = api.Options{Model: "office", RedactAudio: true}
	acc, err := f.client.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	job := f.wait(acc.JobID)
	if job.Status != api.Completed || !job.Options.RedactPII {
		t.Fatalf("got %s (%s) with options %+v, want completed, and the text masked too", job.Status, job.Error, job.Options)
	}
	result, err := f.client.Result(t.Context(), job.ID)
	if err != nil || result.Redactions["card_number"] != 1 {
		t.Errorf("got redactions %v, %v, want one card number", result.Redactions, err)
	}
	var got bytes.Buffer
	if err := f.client.Audio(t.Context(), job.ID, &got); err != nil {
		t.Fatal(err)
	}
	const header, perSecond = 44, 2 * 16000
	from, to := header+int(2.6*perSecond), header+int(4.9*perSecond) // the segment with the number, and 0.4 s around it
	want := slices.Clone(source)
	clear(want[from:to])
	if !bytes.Equal(got.Bytes()[header:], want[header:]) {
		t.Errorf("got %d bytes, want the recording's %d with silence from 2.6 s to 4.9 s", got.Len(), len(want))
	}
	f.checkCopy(job.ID)
}

// checkCopy checks who can read the copy, how it is served in part, and that it
// goes with its job.
func (f *fixture) checkCopy(id string) {
	f.t.Helper()
	if fi, err := os.Stat(f.SilencedPath(id)); err != nil || fi.Mode().Perm() != 0o600 {
		f.t.Errorf("got mode %v, %v, want 0600", fi.Mode(), err)
	}
	if status, body := f.ask("GET", "/v1/jobs/"+id+"/audio", "", "Range", "bytes=0-3"); status != http.StatusPartialContent || body != "RIFF" {
		f.t.Errorf("got %d %q for the first four bytes, want 206 RIFF", status, body)
	}
	if err := f.client.DeleteJob(f.t.Context(), id, false); err != nil {
		f.t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(f.SilencedPath(id))); err != nil || len(left) != 0 {
		f.t.Errorf("got %v, %v after the job was removed, want nothing", left, err)
	}
}

// TestASpokenCardNumberIsNotHeardInTheCopy has the copy transcribed again.
func TestASpokenCardNumberIsNotHeardInTheCopy(t *testing.T) {
	f := startReal(t, nil)
	data, err := os.ReadFile("../testdata/audio/card_number.opus")
	if err != nil {
		t.Fatal(err)
	}
	first := upload(data)
	first.Options.RedactAudio = true
	result, err := f.client.Transcribe(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if result.Redactions["card_number"] != 1 {
		t.Fatalf("got redactions %v in %q, want one card number", result.Redactions, result.Text)
	}
	var quiet bytes.Buffer
	if err := f.client.Audio(t.Context(), result.JobID, &quiet); err != nil {
		t.Fatal(err)
	}
	again, err := f.client.Transcribe(t.Context(), upload(quiet.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	heard := strings.ToLower(again.Text)
	if !strings.Contains(heard, "thank you for calling") || !strings.Contains(heard, "report") {
		t.Errorf("got %q from the copy, want what was said around the number", again.Text)
	}
	for _, digit := range strings.Fields("zero one two three four five six seven eight nine 0 1 2 3 4 5 6 7 8 9") {
		if strings.Contains(heard, digit) {
			t.Errorf("got %q from the copy, want no %s in it", again.Text, digit)
		}
	}
}

func TestAJobWithoutRedactAudioHasNoCopy(t *testing.T) {
	f := start(t, nil)
	id := f.submit("hello")
	f.wait(id)
	if err := f.client.Audio(t.Context(), id, io.Discard); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}
