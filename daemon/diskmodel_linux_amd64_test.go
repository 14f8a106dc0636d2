package daemon_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// inode is a file as a disk has it: what is durable, and what was written since
// and may be lost, in part too.
type inode struct {
	sectors map[int64][]byte // durable, by number
	size    int64
	open    []*diskOp // not durable yet, in order
	end     int64     // where a write without an offset goes on
}

func newInode() *inode { return &inode{sectors: map[int64][]byte{}} }

// apply does op to the file; keep says of each sector of a write whether it
// reaches the disk.
func (n *inode) apply(op *diskOp, keep func() bool) {
	if op.kind == opSize {
		for at := range n.sectors {
			if at*sector >= op.size {
				delete(n.sectors, at)
			}
		}
		if last := n.sectors[op.size/sector]; last != nil {
			n.sectors[op.size/sector] = append(slices.Clone(last[:op.size%sector]), make([]byte, sector-op.size%sector)...)
		}
		n.size = op.size
		return
	}
	n.size = max(n.size, op.offset+int64(len(op.data)))
	for done := int64(0); done < int64(len(op.data)); {
		at, in := (op.offset+done)/sector, (op.offset+done)%sector
		part := min(sector-in, int64(len(op.data))-done)
		if keep() {
			fresh := make([]byte, sector)
			copy(fresh, n.sectors[at])
			copy(fresh[in:], op.data[done:done+part])
			n.sectors[at] = fresh
		}
		done += part
	}
}

func always() bool { return true }

// change is a change of names that is not durable yet.
type change struct {
	op   *diskOp
	file *inode // of a create; nil for a folder
}

// diskState is files and their names, as they were made durable.
type diskState struct {
	names   map[string]*inode   // as the process sees them; nil for a folder
	durable map[string]*inode   // as a crash leaves them
	open    map[string][]change // folder → changes of its names that may be lost
}

// newDisk plays the record up to the moment at, on a disk that holds the files
// of there. What came before safe counts as durable.
func newDisk(there map[string][]byte, ops []*diskOp, safe, at int64) *diskState {
	d := &diskState{names: map[string]*inode{}, durable: map[string]*inode{}, open: map[string][]change{}}
	for path, data := range there {
		n := newInode()
		n.apply(&diskOp{kind: opWrite, data: data}, always)
		d.names[path], d.durable[path] = n, n
		for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
			d.names[dir], d.durable[dir] = nil, nil
		}
	}
	files := map[*diskOp]*inode{} // the file that a write goes to
	// A call has its effect somewhere between its beginning and its end; what it
	// does to the process's view is taken to happen at its end, or at the crash.
	type moment struct {
		when int64
		op   *diskOp
		end  bool
	}
	var moments []moment
	for _, op := range ops {
		if op.began > at || op.failed {
			continue
		}
		moments = append(moments, moment{op.began, op, false})
		if op.ended != 0 && op.ended <= at {
			moments = append(moments, moment{op.ended, op, true})
		} else if op.kind != opSync {
			moments = append(moments, moment{at + 1, op, true})
		}
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return int(a.when - b.when) })
	covered := map[*diskOp]func(){} // a sync → what its end makes durable
	for _, m := range moments {
		switch {
		case m.op.kind == opSync && !m.end:
			covered[m.op] = d.cover(m.op.path)
		case m.op.kind == opSync:
			covered[m.op]()
		case !m.end:
			files[m.op] = d.names[m.op.path]
		default:
			d.do(m.op, files[m.op])
			if m.when <= safe {
				d.settle()
			}
		}
	}
	return d
}

// do has op change what the process sees.
func (d *diskState) do(op *diskOp, file *inode) {
	folder := filepath.Dir(op.path)
	switch op.kind {
	case opOpen, opCreate:
		if n, there := d.names[op.path]; there {
			if op.empties {
				n.end, n.open = 0, append(n.open, &diskOp{kind: opSize})
			}
			return
		}
		n := newInode()
		d.names[op.path] = n
		d.open[folder] = append(d.open[folder], change{op, n})
	case opNameless:
		d.names[op.path] = newInode()
	case opLink:
		d.names[op.target] = d.names[op.path]
		folder = filepath.Dir(op.target)
		d.open[folder] = append(d.open[folder], change{op, d.names[op.path]})
	case opFolder:
		d.names[op.path] = nil
		d.open[folder] = append(d.open[folder], change{op, nil})
	case opRemove:
		delete(d.names, op.path)
		d.open[folder] = append(d.open[folder], change{op, nil})
	case opRename:
		d.names[op.target] = d.names[op.path]
		folder = filepath.Dir(op.target) // where it is from matters less: it is one step
		d.open[folder] = append(d.open[folder], change{op, d.names[op.path]})
		delete(d.names, op.path)
	case opWrite, opSize:
		if file == nil {
			return // of a file that is not recorded from its creation
		}
		if op.offset < 0 {
			op.offset = file.end
		}
		file.end = op.offset + int64(len(op.data))
		file.open = append(file.open, op)
	}
}

// cover returns what makes durable what has been done to path so far.
func (d *diskState) cover(path string) func() {
	n := d.names[path]
	if n == nil {
		changes := slices.Clone(d.open[path])
		return func() {
			for _, c := range changes {
				if i := slices.Index(d.open[path], c); i >= 0 {
					rename(d.durable, c)
					d.open[path] = slices.Delete(d.open[path], i, i+1)
				}
			}
		}
	}
	ops := slices.Clone(n.open)
	return func() {
		for _, op := range ops {
			if i := slices.Index(n.open, op); i >= 0 {
				n.apply(op, always)
				n.open = slices.Delete(n.open, i, i+1)
			}
		}
	}
}

// settle makes everything durable.
func (d *diskState) settle() {
	d.durable = maps.Clone(d.names)
	clear(d.open)
	for _, n := range d.names {
		if n == nil {
			continue
		}
		for _, op := range n.open {
			n.apply(op, always)
		}
		n.open = nil
	}
}

// rename changes names as c says.
func rename(names map[string]*inode, c change) {
	switch c.op.kind {
	case opCreate, opFolder:
		names[c.op.path] = c.file
	case opRemove:
		delete(names, c.op.path)
	case opLink:
		names[c.op.target] = c.file
	case opRename:
		delete(names, c.op.path)
		names[c.op.target] = c.file
	}
}

// crashAfter picks a moment after safe for the power to fail: any, or just after
// a name was changed, which is when most can go wrong.
func crashAfter(ops []*diskOp, safe int64, luck *rand.Rand) int64 {
	var names []int64
	last := safe
	for _, op := range ops {
		last = max(last, op.began, op.ended)
		if op.ended > safe && (op.kind == opRemove || op.kind == opRename || op.kind == opLink) {
			names = append(names, op.ended)
		}
	}
	if len(names) > 0 && luck.IntN(2) == 0 {
		return names[luck.IntN(len(names))]
	}
	return safe + 1 + luck.Int64N(last-safe)
}

// Ways in which what is not durable fares at a power cut.
const (
	allLost = iota
	allKept
	someLost // whole writes
	torn     // single sectors
	nWays
)

// cut lets the power fail: what is not durable is lost or kept, by luck. The
// disk is of no use for anything but write afterwards.
func (d *diskState) cut(way int, luck *rand.Rand) {
	keep := func() bool { return way == allKept || way != allLost && luck.IntN(2) == 0 }
	for _, folder := range slices.Sorted(maps.Keys(d.open)) {
		for _, c := range d.open[folder] {
			if keep() {
				rename(d.durable, c)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.durable)) {
		n := d.durable[path]
		if n == nil {
			continue
		}
		for _, op := range n.open {
			switch {
			case way == torn && op.kind == opWrite:
				n.apply(op, keep)
			case keep():
				n.apply(op, always)
			}
		}
		n.open = nil
	}
}

// write puts the files that the power cut left below from into the folder to.
// A file in a folder whose own name was lost is lost with it.
func (d *diskState) write(from, to string) error {
	lost := func(path string) bool {
		for dir := filepath.Dir(path); strings.HasPrefix(dir, from+"/"); dir = filepath.Dir(dir) {
			_, made := d.names[dir]
			if _, there := d.durable[dir]; made && !there {
				return true
			}
		}
		return false
	}
	for _, path := range slices.Sorted(maps.Keys(d.durable)) {
		n := d.durable[path]
		if path != from && !strings.HasPrefix(path, from+"/") || lost(path) {
			continue
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name := filepath.Join(to, rest)
		if n == nil {
			err = os.MkdirAll(name, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
			err = n.write(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write makes a file of n, with holes where nothing was written.
func (n *inode) write(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(n.size); err != nil {
		return err
	}
	for at, b := range n.sectors {
		if size := min(sector, n.size-at*sector); size > 0 {
			if _, err := f.WriteAt(b[:size], at*sector); err != nil {
				return err
			}
		}
	}
	return f.Close()
}
