package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// spoken is a transcript with everything that OpenAI's answers can show.
var spoken = func() api.Result {
	sure := 0.5
	return api.Result{DurationSeconds: 61.2, Language: "en", Model: "moonshine-tiny", Text: "Ask not. What you can do.",
		Segments: []api.Segment{{Start: 0.5, End: 1, Text: "Ask not.", Confidence: &sure}, {Start: 2, End: 3, Text: "What you can do."}},
		Words:    []api.Word{{Start: 0.5, End: 0.7, Text: "Ask"}, {Start: 0.7, End: 1, Text: "not."}}}
}()

// transcribe posts a form to OpenAI's route, has end bring its job to its end,
// and returns the answer.
func (f *fixture) transcribe(end func(job store.Job), parts ...part) (*http.Response, string) {
	f.t.Helper()
	type answer struct {
		resp *http.Response
		body string
		err  error
	}
	form, contentType := encode(f.t, append([]part{audio("speech")}, parts...))
	answers, woken := make(chan answer, 1), f.db.JobsReady()
	go func() {
		resp := f.open(f.t.Context(), "POST", "/v1/audio/transcriptions", form, "Content-Type", contentType)
		body, err := io.ReadAll(resp.Body)
		answers <- answer{resp, string(body), err}
	}()
	if end != nil {
		receive(f.t, "the job", woken)
		end(f.claim())
	}
	a := receive(f.t, "the answer", answers)
	if a.err != nil {
		f.t.Fatal(a.err)
	}
	return a.resp, a.body
}

// succeed completes a job with what was spoken.
func (f *fixture) succeed(job store.Job) {
	result := spoken
	result.JobID = job.ID
	data := must(json.Marshal(result))(f.t)
	must(f.db.Complete(f.t.Context(), job.Token(), data, eventOf(job, api.EventCompleted)))(f.t)
}

func TestOpenAI_everyFormat(t *testing.T) {
	for _, tt := range []struct {
		parts     []part
		kind      string
		want, not []string
	}{
		{nil, "application/json", []string{`{"text":"Ask not. What you can do.","usage":{"type":"duration","seconds":62}}`}, nil},
		{[]part{{"response_format", "json"}, {"model", "whisper-1"}, {"temperature", "0"}, {"prompt", "Kennedy"}}, "application/json", []string{`"text":"Ask not.`}, nil},
		{[]part{{"response_format", "text"}}, "text/plain", []string{"Ask not. What you can do.\n"}, []string{"{"}},
		{[]part{{"response_format", "srt"}}, "application/x-subrip", []string{"00:00:00,500 --> "}, nil},
		{[]part{{"response_format", "vtt"}}, "text/vtt", []string{"WEBVTT"}, nil},
		{[]part{{"response_format", "verbose_json"}}, "application/json", []string{`"task":"transcribe","language":"english","duration":61.2`, `"segments":[{"id":0,"seek":0,"start":0.5,"end":1,"text":"Ask not.","tokens":[]`, `"avg_logprob":-0.69`}, []string{`"words"`}},
		{[]part{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}}, "application/json", []string{`"words":[{"word":"Ask","start":0.5,"end":0.7},`}, []string{`"segments"`}},
		{[]part{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}, {"timestamp_granularities[]", "segment"}}, "application/json", []string{`"words":[{`, `"segments":[{`}, nil},
	} {
		t.Run(fmt.Sprint(tt.parts), func(t *testing.T) {
			f := serve(t, nil)
			resp, body := f.transcribe(f.succeed, tt.parts...)
			if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.kind) {
				t.Errorf("got %d %s, want 200 %s", resp.StatusCode, resp.Header.Get("Content-Type"), tt.kind)
			}
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("got %s, want %s in it", body, want)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(body, not) {
					t.Errorf("got %s, want no %s in it", body, not)
				}
			}
		})
	}
}

func TestOpenAI_stream(t *testing.T) {
	f := serve(t, nil)
	_, body := f.transcribe(f.succeed, part{"stream", "true"})
	var events []string
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			events = append(events, strings.TrimSpace(data))
		}
	}
	want := []string{
		`{"type":"transcript.text.delta","delta":"Ask not."}`,
		`{"type":"transcript.text.delta","delta":" What you can do."}`,
		`{"type":"transcript.text.done","text":"Ask not. What you can do.","usage":{"type":"duration","seconds":62}}`,
	}
	if strings.Join(events, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s, want %s", events, want)
	}
}

// failFor ends a job with a code.
func (f *fixture) failFor(code string) func(store.Job) {
	return func(job store.Job) {
		must(f.db.Fail(f.t.Context(), job.Token(), store.JobError{Code: code, Message: "It cannot be done."}, time.Time{}, eventOf(job, api.EventFailed)))(f.t)
	}
}

func TestOpenAI_failure(t *testing.T) {
	for _, tt := range []struct {
		code   string
		status int
		want   string
	}{
		{api.JobNoSpeech, http.StatusBadRequest, `"type":"invalid_request_error"`},
		{api.JobInternal, http.StatusInternalServerError, `"type":"server_error"`},
	} {
		f := serve(t, nil)
		resp, body := f.transcribe(f.failFor(tt.code))
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) || resp.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s: got %d %s, retry %q, want %d with %s and no retry", tt.code, resp.StatusCode, body, resp.Header.Get("X-Should-Retry"), tt.status, tt.want)
		}
		f = serve(t, nil)
		if _, body := f.transcribe(f.failFor(tt.code), part{"stream", "true"}); !strings.Contains(body, `data: {"error":{"message":"It cannot be done.`) {
			t.Errorf("%s: got the stream %s, want an event with the error", tt.code, body)
		}
	}
}

func TestOpenAI_refused(t *testing.T) {
	f := serve(t, nil)
	for _, tt := range []struct {
		parts       []part
		status      int
		param, code string
	}{
		{[]part{{"model", "gpt-9"}}, 404, "model", "model_not_found"},
		{[]part{{"response_format", "doc"}}, 400, "response_format", "invalid"},
		{[]part{{"temperature", "2"}}, 400, "temperature", "invalid"},
		{[]part{{"temperature", "NaN"}}, 400, "temperature", "invalid"},
		{[]part{{"stream", "perhaps"}}, 400, "stream", "invalid"},
		{[]part{{"stream", "true"}, {"response_format", "srt"}}, 400, "response_format", "invalid"},
		{[]part{{"timestamp_granularities[]", "word"}}, 400, "timestamp_granularities[]", "invalid"},
		{[]part{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "letter"}}, 400, "timestamp_granularities[]", "invalid"},
		{[]part{{"language", "English!"}}, 400, "language", "invalid"},
		{[]part{{"prompt", "\xff"}}, 400, "prompt", "invalid"},
		{[]part{{"respons_format", "srt"}}, 400, "", "invalid"},
		{[]part{{"@file", "ID3\x00again"}}, 400, "", "invalid"},
	} {
		resp, body := f.transcribe(nil, tt.parts...)
		var e struct {
			Error struct {
				Message, Type, Code string
				Param               *string
			}
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Errorf("%v: got %s: %v", tt.parts, body, err)
			continue
		}
		param := ""
		if e.Error.Param != nil {
			param = *e.Error.Param
		}
		if resp.StatusCode != tt.status || param != tt.param || e.Error.Code != tt.code || e.Error.Type != "invalid_request_error" || e.Error.Message == "" {
			t.Errorf("%v: got %d %s, want %d with param %q and code %s", tt.parts, resp.StatusCode, body, tt.status, tt.param, tt.code)
		}
	}
	f.wantNothing()
}

func TestOpenAI_models(t *testing.T) {
	f := serve(t, nil)
	list := get[struct{ Data []struct{ ID, Object string } }](f, 200, "GET", "/v1/models", "")
	if len(list.Data) < 3 || list.Data[0].ID != "whisper-1" || list.Data[1].ID != "moonshine-tiny" {
		t.Errorf("got %v, want whisper-1, the default model and the others", list.Data)
	}
	for _, m := range list.Data {
		if one := get[struct{ ID string }](f, 200, "GET", "/v1/models/"+m.ID, ""); one.ID != m.ID {
			t.Errorf("got %s, want %s", one.ID, m.ID)
		}
	}
	if status, body := f.ask("GET", "/v1/models/silero-vad", ""); status != 404 || !strings.Contains(body, "model_not_found") {
		t.Errorf("got %d %s, want 404: it recognizes no words", status, body)
	}
}

func TestOpenAI_otherRefusals(t *testing.T) {
	f := serve(t, nil)
	if status, body := f.ask("POST", "/v1/audio/translations", ""); status != 501 || !strings.Contains(body, `"error"`) {
		t.Errorf("got %d %s, want 501", status, body)
	}
	if status, body := f.askTCP("GET", "/v1/models", ""); status != 401 || !strings.Contains(body, `"code":"invalid_api_key"`) {
		t.Errorf("got %d %s, want OpenAI's 401", status, body)
	}
	if status, body := f.ask("GET", "/v1/audio/transcriptions", ""); status != 405 || !strings.Contains(body, `"type":"invalid_request_error"`) {
		t.Errorf("got %d %s, want 405 in OpenAI's form", status, body)
	}
}
