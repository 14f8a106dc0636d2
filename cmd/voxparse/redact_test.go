package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func testRedactor() *redactor { return &redactor{key: []byte("k"), home: "/home/jane"} }

func TestRedactedTextTellsNoSecretAndNoName(t *testing.T) {
	r := testRedactor()
	r.know("calls/Müller divorce.m4a")
	r.knowFolders("/data/Smith & Sons", "/data/acme")
	r.knowURLs("https://crm.example.com/hook", "http://127.0.0.1:3000/")
	for _, tt := range []struct {
		name, in string
		never    []string
		still    []string
	}{
		{"a name with spaces, in quotes", `time=x level=WARN msg="an output" error="write /data/out/My secret call.txt: no space left"`, []string{"secret", "My", "call"}, []string{"level=WARN", "/data/out/", "no space left", ".txt"}},
		{"a bare name", `level=INFO file=interview-smith.mp3 job=job_1`, []string{"smith"}, []string{"level=INFO", "job=job_1", ".mp3"}},
		{"an error file", `path=/a/b/interview-smith.mp3.error.json n=1`, []string{"smith"}, []string{"path=/a/b/", "n=1"}},
		{"a known name", `msg="Müller divorce is here"`, []string{"Müller", "divorce"}, []string{"is here"}},
		{"a URL", `url=https://user:pw@hooks.example.com/services/T0/abc?token=x2 n=1`, []string{"user", "pw", "hooks.example.com", "T0", "token", "x2"}, []string{"https://<host ", "n=1"}},
		{"a host that is known", `error="lookup crm.example.com: no such host"`, []string{"crm"}, []string{"lookup <host ", "no such host"}},
		{"this machine", `url=http://127.0.0.1:3000/x url=http://localhost:80`, nil, []string{"http://127.0.0.1:3000/", "http://localhost:80"}},
		{"a secret", "secret whsec_" + strings.Repeat("ab", 32) + " and vp_" + strings.Repeat("c", 40) + " end", []string{"abab", "cccc"}, []string{"secret", "end"}},
		{"a bearer", `msg="Authorization: Bearer abcdefghij"`, []string{"abcdefghij"}, []string{"msg="}},
		{"the home", `socket=/home/jane/run/s`, []string{"jane"}, []string{"socket=~/run/s"}},
		{"a folder and what is in it", `msg="files wait" dir="/data/Smith & Sons" error="read /data/Smith & Sons/May/Jane Doe: permission denied"`, []string{"Smith", "Sons", "May", "Jane"}, []string{"files wait", "read <folder ", ": permission denied"}},
		{"a bare path in a folder", `level=WARN path=/data/acme/2024/deal.MP3 n=1`, []string{"acme", "2024", "deal"}, []string{"level=WARN", ".MP3 n=1"}},
		{"a folder that is not known", `level=WARN msg="a folder" dir=/srv/clients/initech n=1`, []string{"clients", "initech"}, []string{"level=WARN", "n=1"}},
		{"a name that is no extension", `name="Minutes of Dr. Jones"`, nil, []string{"name="}},
		{"nothing", `level=INFO msg=ready socket=/run/user/1000/voxparse/voxparse.sock`, nil, []string{`level=INFO msg=ready socket=/run/user/1000/voxparse/voxparse.sock`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.line(tt.in)
			for _, s := range tt.never {
				if strings.Contains(got, s) {
					t.Errorf("got %q, want no %q in it", got, s)
				}
			}
			for _, s := range tt.still {
				if !strings.Contains(got, s) {
					t.Errorf("got %q, want %q still in it", got, s)
				}
			}
		})
	}
}

func TestRedactedJSONKeepsItsShape(t *testing.T) {
	in := map[string]any{"job": map[string]any{"id": "job_1", "source": map[string]any{"name": "a b.mp3", "size": 5}, "metadata": map[string]any{"case": "17"}},
		"url": "https://h.example/p?q=1", "waiting": []any{"x.wav"}}
	v, err := testRedactor().value(in)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got := string(raw)
	for _, s := range []string{"a b", "17", "q=1", `"x.wav"`, "h.example"} {
		if strings.Contains(got, s) {
			t.Errorf("got %s, want no %q in it", got, s)
		}
	}
	for _, s := range []string{`"id":"job_1"`, `"size":5`, ".mp3", "https://", "host 667e2047"} {
		if !strings.Contains(got, s) {
			t.Errorf("got %s, want %q in it", got, s)
		}
	}
}

func FuzzRedaction(f *testing.F) {
	f.Add(`level=INFO msg="a b.mp3" url=https://a:b@c/d?e`)
	f.Add("\"\\\" \xff.wav https://")
	f.Fuzz(func(t *testing.T, s string) {
		const secret = "whsec_0123456789abcdef"
		if got := testRedactor().line(s + " " + secret); strings.Contains(got, secret) {
			t.Errorf("got %q, want no secret", got)
		}
	})
}
