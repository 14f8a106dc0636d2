package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

func TestFoundWordsAreMarkedAndCannotDriveTheTerminal(t *testing.T) {
	a := &app{}
	a.style = newStyle(&strings.Builder{}, "never")
	text := "so a \x1b[2Jrefund\u202e now"
	at := strings.Index(text, "refund")
	hits := []api.SearchHit{{JobID: "job_a", Source: api.Source{Name: "a\nb.mp3"}, Snippets: []api.SearchSnippet{
		{Start: 65, Speaker: "A\tB", Text: text, Matches: [][2]int{{at, at + 6}, {3, 2}, {at, 400}}},
	}}}
	want := "a b.mp3 job_a, -\n    1:05  A B: so a \ufffd[2Jrefund\ufffd now\n"
	if got := a.hitsForAPerson(hits); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSearchAsksAgainWhileTheIndexIsFilled(t *testing.T) {
	dir, err := os.MkdirTemp("", "vxs") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if len(asked) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"error":{"message":"40% of them are in it","code":503}}`)
			return
		}
		fmt.Fprint(w, `{"items":[{"job_id":"job_a","snippets":[]}]}`)
	}))
	server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	c := client.New(socket)
	defer c.Close()
	var told strings.Builder
	a := &app{err: &told}
	hits, err := c.SearchIndexed(t.Context(), api.SearchRequest{Words: "a b", Speaker: "Agent", Offset: 5}, func(message string) { a.notice("%s", message) })
	if err != nil || len(hits) != 1 || hits[0].JobID != "job_a" {
		t.Errorf("got %v, %v, want job_a", hits, err)
	}
	if want := "offset=5&q=a+b&speaker=Agent"; len(asked) != 2 || asked[0] != want || asked[1] != want {
		t.Errorf("got the queries %q, want %q twice", asked, want)
	}
	if told.String() != "40% of them are in it\n" {
		t.Errorf("got %q on standard error, want how far it is", told.String())
	}
}
