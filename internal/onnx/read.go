package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto.
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset                   = 1, 2, 7, 8
	graphNode, graphName, graphConstant, graphInput, graphOutput            = 1, 2, 5, 11, 12
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttr, nodeDomain           = 1, 2, 3, 4, 5, 7
	attrName, attrFloat, attrInt, attrTensor, attrGraph, attrInts, attrType = 1, 2, 3, 5, 6, 8, 20
	tensorDims, tensorType, tensorFloats, tensorInts, tensorLongs           = 1, 2, 4, 5, 7
	tensorName, tensorRaw                                                   = 8, 9
	opsetDomain, opsetVersion                                               = 1, 2
)

// errDamaged is the fault of a file that is not ONNX.
var errDamaged = errors.New("not an ONNX file, or a damaged one")

// Parse reads an ONNX file. What it returns shares memory with b, which is not
// to be changed.
func Parse(b []byte) (*Graph, error) {
	var g *Graph
	err := each(b, func(f field) error {
		if f.number != modelGraph {
			return nil
		}
		var err error
		g, err = parseGraph(f.bytes)
		return err
	})
	if err == nil && g == nil {
		err = errDamaged
	}
	return g, err
}

// field is one field of a message: bytes or number, by its kind.
type field struct {
	number protowire.Number
	bytes  []byte
	varint uint64
}

// each calls do for every field of the message b.
func each(b []byte, do func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errDamaged
		}
		b = b[n:]
		f := field{number: num}
		switch typ {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.varint = uint64(v)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errDamaged
		}
		b = b[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

func parseGraph(b []byte) (*Graph, error) {
	g := &Graph{Constants: map[string]Tensor{}}
	err := each(b, func(f field) error {
		switch f.number {
		case graphNode:
			n, err := parseNode(f.bytes)
			if err != nil {
				return err
			}
			g.Nodes = append(g.Nodes, n)
		case graphConstant:
			name, t, err := parseTensor(f.bytes)
			if err != nil {
				return err
			}
			g.Constants[name] = t
		}
		return nil
	})
	return g, err
}

func parseNode(b []byte) (Node, error) {
	n := Node{}
	err := each(b, func(f field) error {
		switch f.number {
		case nodeInput:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case nodeOutput:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case nodeOp:
			n.Op = string(f.bytes)
		case nodeAttr:
			return n.parseAttribute(f.bytes)
		}
		return nil
	})
	return n, err
}

// parseAttribute keeps the graphs among the attributes of n; nobody here needs
// the others.
func (n *Node) parseAttribute(b []byte) error {
	var name string
	var graph []byte
	err := each(b, func(f field) error {
		switch f.number {
		case attrName:
			name = string(f.bytes)
		case attrGraph:
			graph = f.bytes
		}
		return nil
	})
	if err != nil || graph == nil {
		return err
	}
	g, err := parseGraph(graph)
	if n.Graphs == nil {
		n.Graphs = map[string]*Graph{}
	}
	n.Graphs[name] = g
	return err
}

func parseTensor(b []byte) (name string, t Tensor, err error) {
	err = each(b, func(f field) error {
		switch f.number {
		case tensorDims:
			return unpack(f, func(v uint64) { t.Dims = append(t.Dims, int(v)) })
		case tensorType:
			t.Type = Type(f.varint)
		case tensorName:
			name = string(f.bytes)
		case tensorRaw:
			t.Raw = f.bytes
		case tensorFloats:
			t.Raw = f.bytes // packed, little endian: the same as raw
		case tensorInts:
			return unpack(f, func(v uint64) { t.Raw = append(t.Raw, byte(v)) })
		case tensorLongs:
			return unpack(f, func(v uint64) { t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v) })
		}
		return nil
	})
	if err == nil && len(t.Raw) != t.size() {
		err = fmt.Errorf("%w: constant %q has %d bytes, and its shape says %d", errDamaged, name, len(t.Raw), t.size())
	}
	return name, t, err
}

// unpack calls do for a number, or for each of a packed list of numbers.
func unpack(f field, do func(uint64)) error {
	if f.bytes == nil {
		do(f.varint)
		return nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return errDamaged
		}
		do(v)
		b = b[n:]
	}
	return nil
}
