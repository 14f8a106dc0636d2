package moonshine

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// start brings up ONNX Runtime, once for the process.
var start = sync.OnceValue(func() error {
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("start ONNX Runtime: %w", err)
	}
	return nil
})

// session loads a graph. Any number of threads may run it at a time, each on
// itself alone.
func session(file []byte, in, out []string) (*ort.DynamicAdvancedSession, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("set up a session: %w", err)
	}
	defer func() { _ = o.Destroy() }() // fails only where it was destroyed before
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(1) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
	} {
		if err := set(); err != nil {
			return nil, fmt.Errorf("set up a session: %w", err)
		}
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(file, in, out, o)
	if err != nil {
		return nil, fmt.Errorf("load a graph: %w", err)
	}
	return s, nil
}
