package fsx

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// userMap is the users that this process's user namespace knows.
var userMap = sync.OnceValue(func() [][2]int {
	data, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return nil
	}
	var out [][2]int
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, err1 := strconv.Atoi(f[0])
		count, err2 := strconv.Atoi(f[2])
		if err1 == nil && err2 == nil {
			out = append(out, [2]int{first, count})
		}
	}
	return out
})

// isUnmapped reports whether uid stands for users that the user namespace of
// this process does not know, as root of the machine in some containers.
func isUnmapped(uid int) bool {
	data, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return false
	}
	if nobody, err := strconv.Atoi(strings.TrimSpace(string(data))); err != nil || uid != nobody {
		return false
	}
	ranges := userMap()
	for _, r := range ranges {
		if uid >= r[0] && uid-r[0] < r[1] {
			return false
		}
	}
	return len(ranges) > 0
}
