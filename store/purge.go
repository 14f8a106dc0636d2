package store

import (
	"time"

	"github.com/voxparse/voxparse/api"
)

// purgeAgain is when a job that could not be purged is looked at again.
const purgeAgain = 24 * time.Hour

// Keeps reports whether a delivery, by its status as others see it, keeps its
// job or event from being purged.
func Keeps(s api.DeliveryStatus) bool { return open(s) }

// PurgeLater returns when a job or event that is due to be purged at at, but
// still has something open, is looked at again.
func PurgeLater(at time.Time) time.Time { return at.Add(purgeAgain) }
