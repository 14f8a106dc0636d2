package moonshine

// library is how the loader knows ONNX Runtime: it is in the process already,
// since sherpa-onnx is linked against it.
const library = "libonnxruntime.so"
