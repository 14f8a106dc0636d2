package webhook

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

func benchmarkSend(b *testing.B, r *api.Result, parallel bool) {
	s := NewSender(SenderOptions{})
	defer s.Close()
	body, err := CompletedBody(sampleMeta, r, "")
	if err != nil {
		b.Fatal(err)
	}
	t := Target{URL: "http://" + otherProcess(b), AllowPrivate: true}
	send := func() {
		h := make(http.Header, 12)
		if err := Sign(h, body, Signing{Secret: secretA, Now: time.Now(), EventID: sampleMeta.ID, EventType: api.EventCompleted, AttemptID: "dlv_1", Attempt: 1}); err != nil {
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

func BenchmarkSignAndSend(b *testing.B)      { benchmarkSend(b, sampleResult(), false) }
func BenchmarkSignAndSend8(b *testing.B)     { benchmarkSend(b, sampleResult(), true) }
func BenchmarkSignAndSendLarge(b *testing.B) { benchmarkSend(b, call(46), false) }
