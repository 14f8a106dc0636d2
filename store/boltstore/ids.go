package boltstore

import "github.com/voxparse/voxparse/store"

// uid is how keys hold ids.
type uid = store.UID
