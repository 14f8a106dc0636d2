package engine_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/engine"
)

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(`{"type":"hello","protocol":1,"pid":4711}`))
	f.Add([]byte(`{"type":"segment","job":"job_1","segment":{"start":0.4,"end":6.9,"text":"Hello."}}`))
	f.Add([]byte(`{"type":"done","job":"job_1","duration":-1}`))
	f.Add([]byte(`{"type":"progress","job":"job_1"}`))
	f.Add([]byte("Segmentation fault"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := engine.ParseReport(line)
		if err != nil {
			return
		}
		if r.Type == engine.ReportSegment && r.Segment == nil || r.Type == engine.ReportProgress && r.Progress == nil || r.Duration < 0 && r.Type == engine.ReportDone {
			t.Fatalf("got %+v, want it refused", r)
		}
		var first, second bytes.Buffer
		if err := engine.WriteLine(&first, r); err != nil {
			t.Fatalf("write %+v: %v", r, err)
		}
		again, err := engine.ParseReport(bytes.TrimSuffix(first.Bytes(), []byte("\n")))
		if err != nil {
			t.Fatalf("read %s again: %v", first.Bytes(), err)
		}
		if err := engine.WriteLine(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("got %s, %v, want %s", second.Bytes(), err, first.Bytes())
		}
	})
}

func FuzzParseOrder(f *testing.F) {
	f.Add([]byte(`{"type":"cores","cores":[0,1]}`))
	f.Add([]byte(`{"type":"transcribe","job":{"id":"job_1","path":"/a","name":"a.mp3","model":{"name":"m"}}}`))
	f.Add([]byte(`{"type":"transcribe"}`))
	f.Add([]byte(`{"type":"sing"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		o, err := engine.ParseOrder(line)
		if err == nil && (o.Type == engine.OrderTranscribe && (o.Job == nil || o.Job.Path == "") || o.Type == engine.OrderCores && len(o.Cores) == 0) {
			t.Errorf("got %+v, want it refused", o)
		}
	})
}

func TestALineThatIsTooLongIsRefused(t *testing.T) {
	lines := engine.Lines(strings.NewReader(strings.Repeat("x", 1<<20+1) + "\n"))
	if lines.Scan() || lines.Err() == nil {
		t.Errorf("got a line of %d bytes, %v, want an error", len(lines.Bytes()), lines.Err())
	}
}
