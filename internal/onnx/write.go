package onnx

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// irVersion is the version of the file format that Encode writes.
const irVersion = 8

// The types of an attribute.
const (
	attrTypeFloat = 1
	attrTypeInt   = 2
	attrTypeInts  = 7
)

// message is an encoded message, whose fields are appended in any order.
type message []byte

func (m message) number(field protowire.Number, v int) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

func (m message) text(field protowire.Number, s string) message { return m.bytes(field, []byte(s)) }

// Encode returns the file that holds g. opsets names the version of each
// domain of operations, "" for that of ONNX itself. The same graph always
// makes the same bytes.
func (g *Graph) Encode(name string, opsets map[string]int) []byte {
	graph := message{}.text(graphName, name)
	for _, n := range g.Nodes {
		graph = graph.bytes(graphNode, n.encode())
	}
	for _, c := range slices.Sorted(maps.Keys(g.Constants)) {
		t := g.Constants[c]
		m := message{}
		for _, d := range t.Dims {
			m = m.number(tensorDims, d)
		}
		graph = graph.bytes(graphConstant, m.number(tensorType, int(t.Type)).text(tensorName, c).bytes(tensorRaw, t.Raw))
	}
	for _, p := range g.Inputs {
		graph = graph.bytes(graphInput, p.encode())
	}
	for _, p := range g.Outputs {
		graph = graph.bytes(graphOutput, p.encode())
	}
	model := message{}.number(modelIRVersion, irVersion).text(modelProducer, "voxparse")
	for _, domain := range slices.Sorted(maps.Keys(opsets)) {
		model = model.bytes(modelOpset, message{}.text(opsetDomain, domain).number(opsetVersion, opsets[domain]))
	}
	return model.bytes(modelGraph, graph)
}

func (n Node) encode() message {
	m := message{}
	for _, in := range n.Inputs {
		m = m.text(nodeInput, in)
	}
	for _, out := range n.Outputs {
		m = m.text(nodeOutput, out)
	}
	m = m.text(nodeName, n.Outputs[0]).text(nodeOp, n.Op).text(nodeDomain, n.Domain)
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		a := message{}.text(attrName, name)
		switch v := n.Attributes[name].(type) {
		case int:
			a = a.number(attrInt, v).number(attrType, attrTypeInt)
		case float32:
			a = protowire.AppendFixed32(protowire.AppendTag(a, attrFloat, protowire.Fixed32Type), math.Float32bits(v))
			a = a.number(attrType, attrTypeFloat)
		case []int:
			for _, i := range v {
				a = a.number(attrInts, i)
			}
			a = a.number(attrType, attrTypeInts)
		}
		m = m.bytes(nodeAttr, a)
	}
	return m
}

// encode writes p as a ValueInfoProto: name = 1, type = 2, in it tensor_type =
// 1, in it elem_type = 1 and shape = 2, whose dimensions are dim_value = 1.
func (p Port) encode() message {
	shape := message{}
	for _, d := range p.Dims {
		dim := message{}
		if d >= 0 {
			dim = dim.number(1, d)
		}
		shape = shape.bytes(1, dim)
	}
	tensor := message{}.number(1, int(p.Type)).bytes(2, shape)
	return message{}.text(1, p.Name).bytes(2, message{}.bytes(1, tensor))
}
