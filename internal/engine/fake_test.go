package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// fakeEnv makes the test program a worker that misbehaves in the named way.
const fakeEnv = "VOXPARSE_FAKE_WORKER"

// fakeWorker is a worker that gets a task and then does not do it.
func fakeWorker(how string) error {
	say := func(r engine.Report) {
		if err := engine.WriteLine(os.Stdout, r); err != nil {
			os.Exit(1)
		}
	}
	if len(os.Args) == 4 && os.Args[3] == "warm" { // program -cache DIR warm
		dir := filepath.Join(os.Args[2], "decoder")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "compiled"), make([]byte, 1<<20), 0o600)
	}
	hello := engine.Report{Type: engine.ReportHello, Protocol: engine.ProtocolVersion, PID: os.Getpid()}
	switch how {
	case "absent":
		fmt.Fprintln(os.Stderr, "a library is missing")
		os.Exit(3)
	case "stranger":
		hello.Protocol = 99
	}
	say(hello)
	lines := engine.Lines(os.Stdin)
	for lines.Scan() {
		o, err := engine.ParseOrder(lines.Bytes())
		if err != nil {
			return err
		}
		if o.Type == engine.OrderCores {
			say(engine.Report{Type: engine.ReportCores, Cores: o.Cores})
			continue
		}
		say(engine.Report{Type: engine.ReportProgress, Job: o.Job.ID, Progress: &api.Progress{Stage: "transcribe"}})
		go misbehave(how, say)
	}
	os.Exit(0)
	return nil
}

// misbehave never ends a task.
func misbehave(how string, say func(engine.Report)) {
	var hoard [][]byte
	for steps := uint64(1); ; steps++ {
		switch how {
		case "dies":
			os.Exit(7)
		case "babbles":
			fmt.Println("Segmentation fault, or something like it")
		case "greedy":
			b := make([]byte, 64<<20)
			for i := range b {
				b[i] = 1
			}
			hoard = append(hoard, b)
			if len(hoard) > 8 {
				hoard = hoard[:1]
			}
		case "stuck":
			steps = 1
		}
		if how != "silent" {
			say(engine.Report{Type: engine.ReportBeat, Steps: steps})
		}
		time.Sleep(50 * time.Millisecond)
	}
}
