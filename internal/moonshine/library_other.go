//go:build !linux

package moonshine

import "runtime"

// library is how the loader knows ONNX Runtime: it is in the process already,
// since sherpa-onnx is linked against it.
var library = map[bool]string{true: "onnxruntime.dll", false: "libonnxruntime.dylib"}[runtime.GOOS == "windows"]
