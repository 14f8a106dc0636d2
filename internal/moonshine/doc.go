// Package moonshine recognizes speech with the Moonshine models, on ONNX
// Runtime: several pieces of audio at a time, with the chance of each token
// and where in the sound the model looked for it.
//
// It hides the graphs. The encoder runs as its file has it. Of the decoder it
// makes two graphs of its own, once for each file: one that prepares the keys
// and values of the sound, and one that makes the next token of every piece of
// a batch. They hold the same 8-bit weights, and come to the same numbers but
// for rounding, in a fifth of the operations: no branches, nothing copied
// through, the keys of the sound turned and scaled once instead of for each
// token, the product with the vocabulary in 8 bits, a mask so that pieces of
// any length share a batch.
//
// ONNX Runtime is a shared library that this package does not bring: it uses
// the one in the process, which sherpa-onnx is linked against.
package moonshine
