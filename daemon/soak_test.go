package daemon_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/store/boltstore"
)

// soakEnv holds for how long to soak the built programs of ../bin. Without it
// this test binary plays the daemon, for a few seconds.
const soakEnv = "SOAK"

// soak is one run: who is killed how often, and how hard the rest works.
type soak struct {
	t      *testing.T
	home   string
	socket string
	start  func() *child // a daemon

	lasts     time.Duration
	pace      time.Duration // of each submitter
	slow      time.Duration // that the slow receiver takes
	lives     time.Duration // of the daemon, twice that at most
	up, down  time.Duration // of the receiver that dies
	drainedBy time.Duration // how long what is left may take at the end

	kills int
	books *books
}

const submitters = 3

// TestSoak lets submitters, three receivers and kill -9 loose on a daemon and
// then asks for an account. See `make soak`.
func TestSoak(t *testing.T) {
	s := newSoak(t)
	good, slow, dying := newSoakReceiver(t, "good", 0), newSoakReceiver(t, "slow", s.slow), newSoakReceiver(t, "dying", 0)
	receivers := []*soakReceiver{good, slow, dying}
	s.books = &books{t: t, accepted: map[string]string{}, receivers: receivers}
	daemon := s.start()
	c := client.New(s.socket)
	defer c.Close()
	s.awaitHealth(c)
	began := time.Now()
	for _, r := range receivers {
		r.register(c, r == good)
	}

	ctx, stop := context.WithTimeout(t.Context(), s.lasts)
	defer stop()
	var crowd sync.WaitGroup
	for i := range submitters {
		one := submitter{t: t, socket: s.socket, name: i, pace: s.pace, acknowledge: s.books.accept}
		crowd.Go(func() { one.until(ctx) })
	}
	crowd.Go(func() { dying.dieAndRevive(ctx, s.up, s.down) })
	daemon = s.killUntil(ctx, daemon, c)
	crowd.Wait()

	s.drain(c)
	replayed, err := c.Replay(t.Context(), dying.hook, api.ReplayRequest{Since: began})
	if err != nil {
		t.Fatal(err)
	}
	s.drain(c)
	if err := daemon.terminate(); err != nil {
		t.Errorf("got %v from the last daemon, want a graceful stop", err)
	}
	db, err := boltstore.Open(t.Context(), filepath.Join(s.home, "voxparse"), boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a := s.books.balance(allEvents(t, db))
	fmt.Fprintf(t.Output(), "%s with %d kills of the daemon and %d deaths of a receiver; %d deliveries replayed\n%s",
		time.Since(began).Round(time.Second), s.kills, dying.deaths, replayed.Deliveries, a)
	a.check(t)
}

func newSoak(t *testing.T) *soak {
	home := shortDir(t)
	s := &soak{t: t, home: home, socket: testConfig(t, home).Socket}
	asked := os.Getenv(soakEnv)
	if asked == "" {
		s.lasts, s.pace, s.slow, s.lives = 3*time.Second, 10*time.Millisecond, 20*time.Millisecond, 250*time.Millisecond
		s.up, s.down, s.drainedBy = 300*time.Millisecond, 300*time.Millisecond, 30*time.Second
		s.start = func() *child { return spawn(t, "daemon", dirEnv+"="+home, delayEnv+"=2ms") }
		return s
	}
	lasts, err := time.ParseDuration(asked)
	if err != nil || lasts <= 0 {
		t.Fatalf("%s: got %q, want a duration such as 60s", soakEnv, asked)
	}
	// A failed delivery comes again after 24 to 36 s, and then the receiver
	// lives: the next wait would be five minutes.
	s.lasts, s.pace, s.slow, s.lives = lasts, 150*time.Millisecond, 200*time.Millisecond, 2*time.Second
	s.up, s.down, s.drainedBy = 50*time.Second, 10*time.Second, 3*time.Minute
	s.start = s.realDaemon(home)
	return s
}

// realDaemon starts the built program, whose recognizer is a server here that
// answers at once.
func (s *soak) realDaemon(home string) func() *child {
	program, err := filepath.Abs("../bin/voxparse")
	if err != nil {
		s.t.Fatal(err)
	}
	recognizer := httptest.NewServer(http.HandlerFunc(recognize))
	s.t.Cleanup(recognizer.Close)
	file := filepath.Join(home, "config.toml")
	settings := fmt.Sprintf("model = \"stub\"\nlog_level = \"error\"\n[engines.stub]\ntype = \"openai\"\nurl = %q\n", recognizer.URL)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		s.t.Fatal(err)
	}
	env := os.Environ()
	for name, value := range childPaths(home) {
		env = append(env, name+"="+value)
	}
	return func() *child {
		cmd := exec.Command(program, "daemon", "run", "--config", file)
		cmd.Env = env
		return launch(s.t, cmd)
	}
}

// recognize answers like a transcription server, and refuses files that say so.
func recognize(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil || strings.Contains(string(data), "fail") {
		http.Error(w, "it cannot be done", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"text":"words","language":"english","duration":1,"segments":[{"start":0,"end":1,"text":"words"}]}`)
}

// killUntil ends the daemon as a power cut would and starts it anew, again and
// again until ctx ends. It returns the one that lives.
func (s *soak) killUntil(ctx context.Context, daemon *child, c *client.Client) *child {
	for {
		rest(ctx, s.lives/2+rand.N(3*s.lives/2))
		if ctx.Err() != nil {
			return daemon
		}
		daemon.kill()
		s.kills++
		daemon = s.start()
		s.awaitHealth(c)
	}
}

func (s *soak) awaitHealth(c *client.Client) {
	s.t.Helper()
	s.await("the start of the daemon", func() bool {
		h, err := c.Health(s.t.Context())
		return err == nil && h.Status == api.HealthOK
	})
}

// drain waits until no job and no delivery is open.
func (s *soak) drain(c *client.Client) {
	s.t.Helper()
	s.await("the end of all work", func() bool {
		st, err := c.Status(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		return st.Jobs[api.Queued]+st.Jobs[api.Processing]+st.Deliveries[api.DeliveryPending]+st.Deliveries[api.DeliveryInFlight] == 0
	})
}

func (s *soak) await(what string, ok func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.drainedBy)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			s.t.Fatalf("%s did not happen within %s", what, s.drainedBy)
		}
		rest(ctx, 5*time.Millisecond)
	}
}
