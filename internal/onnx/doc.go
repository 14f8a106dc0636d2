// Package onnx reads and writes the parts of an ONNX file that it takes to
// make one neural network out of another: nodes, attributes and constant
// tensors. It hides the encoding, which is that of protocol buffers. It does
// not run anything.
package onnx
