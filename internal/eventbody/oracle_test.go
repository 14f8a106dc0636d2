package eventbody

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// question is one line to the oracle, with what its answer must be.
type question struct {
	kind string // "metadata" or "body"
	text []byte
	err  error  // of Metadata
	out  []byte // of Metadata
}

// answer is what node makes of a question.
type answer struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"`
	Out []byte `json:"out"`
}

// askNode puts every question to one long-lived node process.
func askNode(t *testing.T, questions []question, check func(q question, a answer)) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs node")
	}
	node := exec.CommandContext(t.Context(), "node", "testdata/oracle.mjs")
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	node.Stderr = &stderr
	if err := node.Start(); err != nil {
		t.Fatalf("start node (the tests need node 20 or newer): %v", err)
	}
	wrote := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(in, 1<<20)
		for _, q := range questions {
			fmt.Fprintf(w, "%s %s\n", q.kind, base64.StdEncoding.EncodeToString(q.text))
		}
		wrote <- errors.Join(w.Flush(), in.Close())
	}()
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, 1<<20)
	n := 0
	for ; n < len(questions) && answers.Scan(); n++ {
		var a answer
		if err := json.Unmarshal(answers.Bytes(), &a); err != nil {
			t.Fatalf("answer %d: %v", n, err)
		}
		check(questions[n], a)
	}
	if err := errors.Join(<-wrote, node.Wait()); err != nil || n != len(questions) {
		t.Fatalf("got %d answers, want %d: %v\n%s", n, len(questions), err, stderr.String())
	}
}

func TestNodeAcceptsExactlyTheMetadataThatWeAccept(t *testing.T) {
	const rounds = 30_000
	g := &generator{rand.New(rand.NewPCG(1, 2))}
	questions := make([]question, 0, rounds+len(canonicalSeeds))
	for _, seed := range canonicalSeeds {
		questions = append(questions, question{kind: "metadata", text: []byte(seed)})
	}
	for len(questions) < rounds {
		questions = append(questions, question{kind: "metadata", text: g.metadata()})
	}
	for i := range questions {
		questions[i].out, questions[i].err = Metadata(questions[i].text)
	}
	accepted, refused := 0, map[string]int{}
	askNode(t, questions, func(q question, a answer) {
		switch {
		case len(q.text) == 0:
		case a.OK != (q.err == nil):
			t.Errorf("metadata %q: got %v (%s), want accepted as in node: %t %s", q.text, q.err, q.out, a.OK, a.Why)
		case a.OK && string(q.out) != string(a.Out):
			t.Errorf("metadata %q: got %s, want %s", q.text, q.out, a.Out)
		case a.OK:
			accepted++
		default:
			refused[a.Why]++
		}
	})
	t.Logf("%d accepted; refused: %v", accepted, refused)
	if accepted < rounds/5 {
		t.Errorf("got %d accepted of %d, want a fifth or more: the generator is too wild", accepted, rounds)
	}
	for _, why := range []string{"size", "utf-8", "syntax", "no object", "depth", "surrogate", "proto", "duplicate", "number"} {
		if refused[why] == 0 {
			t.Errorf("got no metadata refused for %q, want some: the generator is too tame", why)
		}
	}
}

func TestEveryBodySurvivesParseAndStringify(t *testing.T) {
	const rounds = 5_000
	g := &generator{rand.New(rand.NewPCG(3, 4))}
	questions := make([]question, 0, 4*rounds)
	for range rounds {
		r := g.result()
		m := Meta{ID: "evt_01", JobID: "job_01", CreatedAt: time.Unix(int64(g.IntN(1<<31)), 0), Metadata: g.accepted()}
		completed, err1 := Completed(m, r, "http://127.0.0.1/v1/jobs/job_01/result")
		failed, err2 := Failed(m, g.text(8), g.text(2000))
		ping, err3 := Test(m, "whk_01")
		result, err4 := Result(r, "")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatalf("build a body: %v", err)
		}
		for _, body := range [][]byte{completed, failed, ping, result} {
			if len(body) >= api.MaxEventBody {
				t.Errorf("got a body of %d bytes, want under %d", len(body), api.MaxEventBody)
			}
			questions = append(questions, question{kind: "body", text: body})
		}
	}
	askNode(t, questions, func(q question, a answer) {
		if !a.OK {
			t.Errorf("body %.300q comes back as %.300q", q.text, a.Out)
		}
	})
	t.Logf("%d bodies", len(questions))
}

// generator makes JSON that looks for trouble.
type generator struct{ *rand.Rand }

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

var nastyKeys = []string{
	"", "0", "1", "2", "10", "00", "01", "-0", "-1", "+1", "1.0", "1e3", " 1", "4294967293", "4294967294", "4294967295", "4294967296",
	"9007199254740991", "9007199254740992", "18446744073709551616", "__proto__", "constructor", "prototype", "toString", "length", "a", "b", "z",
	"\u0661", "\uff11", "é", "e\u0301", "\u2028", "\u2029", "<script>", "&", "'", "\"", "\\", "/", "\x00", "\x7f", "\u0085", "\ufeff", "\ufffd", "\U0001f600", "\U0010ffff", "ticket_id",
}

var nastyNumbers = []string{
	"0", "-0", "0.0", "-0.0", "0e9", "-0e-9", "1", "-1", "1.0", "1.50", "10", "100e-2", "1e0", "1E+2", "1e21", "1e20", "123456789012345680000", "1e-6", "1e-7", "0.000001",
	"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "12345678901234567890", "18446744073709551615", "1e308", "1.7976931348623157e308",
	"1.7976931348623159e308", "1e309", "1e400", "-1e400", "5e-324", "4.9e-324", "2.4e-324", "1e-400", "2.2250738585072014e-308", "0.1", "0.10", "0.30000000000000004",
	"0.1000000000000000055511151231257827", "3.141592653589793", "3.14159265358979323846", "1e999999999999999999999", "0e999999999999999999999", "333333333.33333329",
	"1e23", "9.999999999999999e22", "5e-7", "1.5e300", "01", "1.", ".5", "+1", "0x10", "NaN", "Infinity", "1_000", "--1", "1e", "2e+", "1000000000000000000000", "999999999999999999999",
}

var nastyEscapes = []string{
	`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u001f`, `\u001F`, `\u007f`, `\u003c`, `\u2028`, `\u00e9`, `\ud83d\ude00`, `\uD83D\uDE00`, `\ud83d`, `\ude00`,
	`\ud83d\u0041`, `\ud83d\ud83d\ude00`, `\ude00\ud83d`, `\udbff\udfff`, `\uffff`, `\ufeff`, `\x41`, `\u12`, `\u12G4`, `\v`, `\'`, `\u0030`, `\\ud83d`, `\\\ud83d`, `\u005c`, `\u0022`,
}

// text returns up to n runes, some of which nobody would type.
func (g *generator) text(n int) string {
	var b strings.Builder
	for range g.IntN(n + 1) {
		switch g.IntN(12) {
		case 0:
			b.WriteString(pick(g, nastyKeys))
		case 1:
			b.WriteByte(byte(g.IntN(32)))
		case 2:
			b.WriteRune(rune(g.IntN(utf8.MaxRune)))
		case 3:
			b.WriteRune(rune(0x2000 + g.IntN(0x100)))
		case 4:
			b.WriteByte(byte(g.IntN(256)))
		case 5:
			b.WriteByte(' ')
		default:
			b.WriteByte(byte(0x20 + g.IntN(95)))
		}
	}
	return b.String()
}

// quoted returns a JSON string as a sloppy encoder might write it.
func (g *generator) quoted(wild bool) string {
	var b strings.Builder
	b.WriteByte('"')
	if g.IntN(2) == 0 {
		raw, _ := json.Marshal(pick(g, nastyKeys))
		b.Write(raw[1 : len(raw)-1])
	}
	for range g.IntN(4) {
		switch {
		case wild && g.IntN(3) == 0:
			b.WriteString(pick(g, nastyEscapes))
		case wild && g.IntN(20) == 0:
			b.WriteString(g.text(3))
		default:
			raw, _ := json.Marshal(strings.ToValidUTF8(g.text(6), ""))
			b.Write(raw[1 : len(raw)-1])
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (g *generator) number(wild bool) string {
	switch g.IntN(5) {
	case 0, 1:
		s := pick(g, nastyNumbers)
		if !wild && refusedNumber(s) {
			return "7"
		}
		return s
	case 2:
		return fmt.Sprint(g.IntN(1 << 20))
	case 3:
		return fmt.Sprintf("%g", g.NormFloat64()*1e6)
	}
	f := g.Float64() * float64(g.Uint64())
	return string(appendNumber(nil, f))
}

// refusedNumber reports whether s is no JSON number or one that we refuse.
func refusedNumber(s string) bool {
	return !json.Valid([]byte(s)) || numberFault(s) != ""
}

func (g *generator) space() string {
	return pick(g, []string{"", "", "", "", "", "", " ", "\n", "\t", "\r\n  "})
}

func (g *generator) value(depth int, wild bool) string {
	switch k := g.IntN(8); {
	case k == 0 && depth > 0:
		return g.object(depth-1, wild)
	case k == 1 && depth > 0:
		var items []string
		for range g.IntN(5) {
			items = append(items, g.space()+g.value(depth-1, wild))
		}
		return "[" + strings.Join(items, ",") + g.space() + "]"
	case k <= 3:
		return g.number(wild)
	case k == 4:
		return pick(g, []string{"true", "false", "null"})
	}
	return g.quoted(wild)
}

func (g *generator) object(depth int, wild bool) string {
	var b strings.Builder
	b.WriteByte('{')
	seen := map[string]bool{"__proto__": true}
	for range g.IntN(8) {
		key := g.quoted(wild)
		var name string
		if json.Unmarshal([]byte(key), &name) != nil || (seen[name] && !wild) {
			key = fmt.Sprintf("%q", fmt.Sprint("k", len(seen), g.IntN(1<<30)))
		}
		seen[name] = true
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(g.space() + key + g.space() + ":" + g.space() + g.value(depth, wild))
	}
	return b.String() + g.space() + "}"
}

// metadata returns metadata of which about half is refused.
func (g *generator) metadata() []byte {
	out := []byte(g.object(4, g.IntN(3) == 0))
	switch g.IntN(24) {
	case 0: // damage
		for range 1 + g.IntN(3) {
			out[g.IntN(len(out))] = byte(g.IntN(256))
		}
	case 1:
		out = out[:g.IntN(len(out))]
	case 2:
		out = append(out, pick(g, []string{"x", " ", "{}", "\x00", "\ufeff", "\v", "\u00a0", ","})...)
	case 3:
		out = append([]byte(pick(g, []string{"\ufeff", " ", "\n", "[", "1", "\u00a0"})), out...)
	case 4: // around the limit of depth
		n := 60 + g.IntN(8)
		out = []byte(`{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}")
	case 5: // around the limit of size
		out = []byte(`{"a":"` + strings.Repeat("x", 4080+g.IntN(20)) + `"}`)
	case 6:
		out = []byte(`{"a":[` + strings.Repeat("1e20,", 180+g.IntN(10)) + `1]}`)
	case 7:
		out = []byte(g.value(2, true))
	}
	return out
}

// accepted returns metadata that Metadata accepts.
func (g *generator) accepted() []byte {
	for range 3 {
		if m := []byte(g.object(4, false)); !isRefused(m) {
			return m
		}
	}
	return nil
}

func isRefused(m []byte) bool {
	_, err := Metadata(m)
	return err != nil
}

func (g *generator) result() *api.Result {
	r := &api.Result{JobID: "job_01", Language: g.text(4), Model: g.text(8), DurationSeconds: g.float(), Text: g.text(400)}
	if g.IntN(80) == 0 { // too large to go whole
		r.Text = strings.Repeat(g.text(300)+" ", 1+g.IntN(1500))
	}
	for range g.IntN(20) {
		c := g.float()
		r.Segments = append(r.Segments, api.Segment{Start: g.float(), End: g.float(), Speaker: g.text(3), Text: g.text(60), Confidence: &c})
	}
	if g.IntN(2) == 0 {
		r.AIAnalysis = &api.Analysis{Method: g.text(5), Summary: []api.Quote{{Ref: api.Ref{Start: g.float()}, Text: g.text(50)}}, Sentiment: &api.Sentiment{Score: g.float()}}
	}
	if g.IntN(2) == 0 {
		r.Redactions = map[string]int{}
		for range g.IntN(5) {
			r.Redactions[strings.ToValidUTF8(pick(g, nastyKeys), "")] = g.IntN(100)
		}
	}
	return r
}

func (g *generator) float() float64 {
	switch g.IntN(4) {
	case 0:
		return math.Copysign(0, -1)
	case 1:
		return float64(float32(g.Float64()))
	case 2:
		return g.NormFloat64() * 1e-8
	}
	return float64(g.IntN(10_000_000)) / 1000
}
