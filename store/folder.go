package store

import (
	"time"

	"github.com/voxparse/voxparse/api"
)

// FolderRecord is a drop folder as it was set up, and what tells it from
// another that is mounted in its place.
type FolderRecord struct {
	ID        string
	Revision  uint64
	Dir       string // absolute; raw bytes
	Options   api.FolderOptions
	CreatedAt time.Time
	LastScan  time.Time
	Device    uint64    // of the file system when it was last there; 0 when unknown
	Marker    string    // what the marker file in it says; "" for none
	Origin    string    // FromConfig or FromCommand; "" where an older program set it up
	RemovedAt time.Time // zero while it is watched
}

// Where a folder comes from, in FolderRecord.Origin.
const (
	FromConfig  = "config"  // the config file names it
	FromCommand = "command" // somebody added it
)
