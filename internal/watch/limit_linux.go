package watch

import (
	"os"
	"strconv"
	"strings"
)

// limitFix returns the command that raises the limit that err is about.
func limitFix(err error) string {
	key, want := "fs.inotify.max_user_watches", 524288
	if isInstanceLimit(err) {
		key, want = "fs.inotify.max_user_instances", 1024
	}
	if text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/")); err == nil {
		if now, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			want = max(want, 2*now)
		}
	}
	return "sudo sysctl " + key + "=" + strconv.Itoa(want)
}
