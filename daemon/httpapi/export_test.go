package httpapi

import (
	"maps"
	"slices"
)

// Patterns returns the patterns of all routes, in order: "GET /v1/jobs".
func Patterns() []string { return slices.Sorted(maps.Keys((&server{}).handlers())) }
