package sender

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/webhooktest"
	"github.com/voxparse/voxparse/webhook"
)

// receiverEnv makes the test binary a receiver, so that a benchmark counts the
// sender's work alone.
const receiverEnv = "WEBHOOK_TEST_RECEIVER"

func TestMain(m *testing.M) {
	if os.Getenv(receiverEnv) == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	io.WriteString(os.Stdout, l.Addr().String()+"\n")
	// It ends with its parent, which holds the other end of stdin.
	go http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	io.Copy(io.Discard, os.Stdin)
}

// otherProcess starts a receiver outside of this process.
func otherProcess(b *testing.B) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), receiverEnv+"=1")
	if _, err := cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkSend(b *testing.B, body []byte, parallel bool) {
	s := New(Options{})
	defer s.Close()
	t := Target{URL: "http://" + otherProcess(b), AllowPrivate: true}
	send := func() {
		h := make(http.Header, 12)
		if err := webhook.Sign(h, body, webhook.Signing{Secret: secretA, Now: time.Now(), EventID: "evt_1", EventType: api.EventCompleted, AttemptID: "dlv_1", Attempt: 1}); err != nil {
			b.Error(err)
		}
		if a := s.Send(b.Context(), t, h, body); !Delivered(a) {
			b.Errorf("got %+v, want it delivered", a)
		}
	}
	send()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	before := cpu(b)
	b.ResetTimer()
	if parallel {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				send()
			}
		})
	} else {
		for range b.N {
			send()
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// completed is the body of an event about a call.
func completed(b *testing.B, r *api.Result) []byte {
	b.Helper()
	body, err := eventbody.Completed(eventbody.Meta{ID: "evt_1", JobID: r.JobID, CreatedAt: time.Now()}, r, "")
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkSignAndSend(b *testing.B)  { benchmarkSend(b, completed(b, webhooktest.Result()), false) }
func BenchmarkSignAndSend8(b *testing.B) { benchmarkSend(b, completed(b, webhooktest.Result()), true) }
func BenchmarkSignAndSendLarge(b *testing.B) {
	benchmarkSend(b, completed(b, webhooktest.Call(46)), false)
}
