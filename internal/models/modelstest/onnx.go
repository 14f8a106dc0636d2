package modelstest

import (
	"encoding/binary"
	"math"
)

// The few parts of the ONNX format that a model of some operators needs, in
// the encoding of protocol buffers.

// message is an encoded message, whose fields are appended in any order.
type message []byte

func (m message) number(field, v int) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field<<3)), uint64(v))
}

func (m message) bytes(field int, b []byte) message {
	m = binary.AppendUvarint(m, uint64(field<<3|2))
	return append(binary.AppendUvarint(m, uint64(len(b))), b...)
}

func (m message) text(field int, s string) message { return m.bytes(field, []byte(s)) }

// node is an operator with one output, and the attributes that are lists of
// numbers or a number.
func node(operator, output string, inputs []string, attributes map[string]any) message {
	var m message
	for _, in := range inputs {
		m = m.text(1, in)
	}
	m = m.text(2, output).text(4, operator)
	for name, v := range attributes {
		a := message{}.text(1, name)
		switch v := v.(type) {
		case int:
			a = a.number(3, v).number(20, 2)
		case []int:
			for _, n := range v {
				a = a.number(8, n)
			}
			a = a.number(20, 7)
		}
		m = m.bytes(5, a)
	}
	return m
}

// The types of a tensor.
const (
	floats = 1
	int32s = 6
	int64s = 7
)

// constant is a tensor of floats.
func constant(name string, shape []int, values ...float32) message {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return tensor(name, floats, shape, raw)
}

// whole is a list of int64.
func whole(name string, values ...uint64) message {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, v)
	}
	return tensor(name, int64s, []int{len(values)}, raw)
}

func tensor(name string, kind int, shape []int, raw []byte) message {
	var m message
	for _, n := range shape {
		m = m.number(1, n)
	}
	return m.number(2, kind).text(8, name).bytes(9, raw)
}

// value is an input or output of floats. Its dimensions are sizes or names.
func value(name string, dims ...any) message { return typed(name, floats, dims...) }

// typed is an input or output of that type.
func typed(name string, kind int, dims ...any) message {
	var shape message
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = shape.bytes(1, message{}.number(1, d))
		case string:
			shape = shape.bytes(1, message{}.text(2, d))
		}
	}
	of := message{}.number(1, kind).bytes(2, shape)
	return message{}.text(1, name).bytes(2, message{}.bytes(1, of))
}

// graph is what a model computes.
type graph struct {
	nodes, constants, inputs, outputs []message
}

// model is the file of a model.
func (g graph) model(metadata map[string]string) []byte {
	body := message{}.text(2, "test")
	for field, parts := range map[int][]message{1: g.nodes, 5: g.constants, 11: g.inputs, 12: g.outputs} {
		for _, p := range parts {
			body = body.bytes(field, p)
		}
	}
	m := message{}.number(1, 8).bytes(7, body).bytes(8, message{}.text(1, "").number(2, 13))
	for k, v := range metadata {
		m = m.bytes(14, message{}.text(1, k).text(2, v))
	}
	return m
}
