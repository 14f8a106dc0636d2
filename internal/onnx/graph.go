package onnx

import (
	"encoding/binary"
	"math"
)

// Type is the type of a tensor's elements, as ONNX numbers them.
type Type int

// The types that are known here.
const (
	Float Type = 1
	Uint8 Type = 2
	Int8  Type = 3
	Int32 Type = 6
	Int64 Type = 7
	Bool  Type = 9
)

// bytes is the size of an element.
func (t Type) bytes() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Int64:
		return 8
	}
	return 4
}

// Graph is a network: nodes in an order in which they can be run, and the
// constants that they use, by name.
type Graph struct {
	Nodes     []Node
	Constants map[string]Tensor
	Inputs    []Port // only of a graph that is to be encoded
	Outputs   []Port
}

// Port is an input or an output of a graph. A dimension below 0 is free.
type Port struct {
	Name string
	Type Type
	Dims []int
}

// Node is an operation. An input without a name is left out.
type Node struct {
	Op, Domain string
	Inputs     []string
	Outputs    []string
	Attributes map[string]any    // int, float32 or []int; only of a node that is to be encoded
	Graphs     map[string]*Graph // attributes that are graphs; only of a node that was read
}

// Tensor is a constant. Raw holds its elements in little endian, the last
// dimension closest together.
type Tensor struct {
	Type Type
	Dims []int
	Raw  []byte
}

// size is how long Raw has to be.
func (t Tensor) size() int {
	n := t.Type.bytes()
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// Floats returns the elements of a Float tensor.
func (t Tensor) Floats() []float32 {
	out := make([]float32, len(t.Raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
	}
	return out
}

// Floats returns a tensor of these elements.
func Floats(values []float32, dims ...int) Tensor {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return Tensor{Type: Float, Dims: dims, Raw: raw}
}

// Longs returns a tensor of these elements.
func Longs(values []int, dims ...int) Tensor {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return Tensor{Type: Int64, Dims: dims, Raw: raw}
}

// Bytes returns a Uint8 tensor of these elements.
func Bytes(values []byte, dims ...int) Tensor { return Tensor{Type: Uint8, Dims: dims, Raw: values} }
