package eventbody

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// canonicalSeeds start the fuzz tests and are put to node as well.
var canonicalSeeds = []string{
	``, `{}`, ` { } `, `{"a":1}`, `{"b":1,"a":2,"10":3,"9":4,"4294967294":5,"4294967295":6,"00":7}`, `{"a":{"1":0,"0":1}}`,
	`{"a":1,"\u0061":2}`, `{"__proto__":1}`, `{"\u005f_proto__":1}`, `{"a":-0}`, `{"a":1e400}`, `{"a":9007199254740993}`, `{"a":"\ud800"}`,
	"{\"a\":\"\xff\"}", `{"a":"\ud83d\ude00"}`, `[1]`, `null`, `{"a":"<>&` + "\u2028" + `\/"}`, `{"a":1.0,"b":1e2,"c":0.1}`, `{"a":1}{}`, `{"a":`, `{"a" 1}`, `{a:1}`, `{"a":1,}`,
	"\ufeff{}", strings.Repeat(`{"a":`, 64) + `1` + strings.Repeat(`}`, 64), strings.Repeat(`{"a":`, 65) + `1` + strings.Repeat(`}`, 65),
}

func TestCanonicalRewritesAsJavaScriptWould(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space goes", " {\n\t\"a\" : [ 1 , 2 ] }\r\n", `{"a":[1,2]}`},
		{"insertion order stays", `{"z":1,"a":2}`, `{"z":1,"a":2}`},
		{"array indices come first, ascending", `{"b":1,"10":2,"9":3,"0":4}`, `{"0":4,"9":3,"10":2,"b":1}`},
		{"on every level", `{"x":[{"b":1,"1":2}]}`, `{"x":[{"1":2,"b":1}]}`},
		{"the largest array index is 4294967294", `{"4294967295":1,"4294967294":2}`, `{"4294967294":2,"4294967295":1}`},
		{"zeros in front make no index", `{"01":1,"1":2}`, `{"1":2,"01":1}`},
		{"numbers as ECMAScript prints them", `[1.0,1e2,1E21,0.000001,1e-7,100000000000000000000]`, `[1,100,1e+21,0.000001,1e-7,100000000000000000000]`},
		{"strings with the fewest escapes", `"\u003c\/\u2028\u00e9\u001F\u0008\t"`, `"</` + "\u2028é" + `\u001f\b\t"`},
		{"surrogate pairs become characters", `"\ud83d\ude00"`, `"😀"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, want := `{"m":`+tt.in+`}`, `{"m":`+tt.want+`}`
			got, err := Metadata([]byte(in))
			if err != nil || string(got) != want {
				t.Errorf("Metadata(%s): got %s, %v, want %s", in, got, err, want)
			}
		})
	}
}

func TestCanonicalRefusesWhatCannotSurviveAndNamesKeyAndFix(t *testing.T) {
	tests := []struct{ name, in, key, fix string }{
		{"integer beyond a double", `{"order":{"id":12345678901234567890}}`, "metadata.order.id", `send it as a string: "12345678901234567890"`},
		{"one above 2^53", `{"n":[1,9007199254740993]}`, "metadata.n[1]", "9007199254740992; send it as a string"},
		{"digits that a double drops", `{"pi":3.14159265358979323846}`, "metadata.pi", "3.141592653589793; send it as a string"},
		{"infinite", `{"n":1e400}`, "metadata.n", "beyond the range of a double; send it as a string"},
		{"vanishing", `{"n":1e-400}`, "metadata.n", "send 0, or a string"},
		{"minus zero", `{"n":-0}`, "metadata.n", "send 0"},
		{"minus zero with a fraction", `{"n":-0.0e5}`, "metadata.n", "send 0"},
		{"half a pair", `{"s":"x\ud83dy"}`, "metadata.s", `\ud83d is half of a surrogate pair`},
		{"half a pair in a key", `{"a\ude00":1}`, `metadata[`, "send the whole pair"},
		{"a key twice", `{"a":{"b":1,"\u0062":2}}`, "metadata.a.b", "give each key once"},
		{"__proto__", `{"a b":{"__proto__":{}}}`, `metadata["a b"].__proto__`, "rename it"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "metadata is not valid UTF-8 at byte 6", "encode the text as UTF-8"},
		{"an array", `[1]`, "metadata is not a JSON object", "send one"},
		{"null", `null`, "metadata is not a JSON object", "send one"},
		{"broken", `{"a":}`, "metadata is not valid JSON at byte 5", "JSON.stringify"},
		{"cut off", `{"a":1`, "metadata is not valid JSON", "one whole JSON value"},
		{"something after it", `{} x`, "metadata has something after its end", "send one JSON value"},
		{"too deep", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "metadata is nested deeper than 64", "flatten it"},
		{"too large", `{"a":"` + strings.Repeat("x", 4096) + `"}`, "metadata has 4104 bytes", "look the rest up"},
		{"too large once written out", `{"a":[` + strings.Repeat("1e20,", 200) + `1]}`, "metadata has 4409 bytes", "send large numbers as strings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Metadata([]byte(tt.in))
			if !errors.Is(err, api.Invalid) {
				t.Fatalf("Metadata(%.80s): got %s, %v, want an error of code invalid", tt.in, got, err)
			}
			if msg := err.Error(); !strings.Contains(msg, tt.key) || !strings.Contains(msg, tt.fix) {
				t.Errorf("got %q, want it to name %q and %q", msg, tt.key, tt.fix)
			}
		})
	}
}

func TestCanonicalTakesNoMetadata(t *testing.T) {
	if got, err := Metadata(nil); got != nil || err != nil {
		t.Errorf("Metadata(nil): got %s, %v, want nil, nil", got, err)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range canonicalSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Metadata(in)
		if err != nil {
			if !errors.Is(err, api.Invalid) || err.Error() == "" {
				t.Errorf("got error %v, want code invalid and a sentence", err)
			}
			return
		}
		again, err := Metadata(out)
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("Metadata(%q): got %q, then %q, %v; want it unchanged", in, out, again, err)
		}
		if len(out) > 0 && !json.Valid(out) {
			t.Errorf("Metadata(%q): got %q, want JSON", in, out)
		}
		body, err := Failed(Meta{ID: "evt_1", JobID: "job_1", Metadata: out}, "internal", string(in))
		if err != nil || len(body) >= api.MaxEventBody {
			t.Errorf("Failed: got %d bytes, %v", len(body), err)
		}
	})
}

// The lenient form must never fail on what encoding/json writes, nor grow
// without bound on what a stranger posts.
func FuzzLenientForm(f *testing.F) {
	for _, seed := range canonicalSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := canonical(in, "body", false)
		if err != nil {
			return
		}
		again, err := canonical(out, "body", false)
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("canonical(%q): got %q, then %q, %v; want it unchanged", in, out, again, err)
		}
	})
}
