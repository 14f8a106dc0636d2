package fsx

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelKinds are the file systems, by statfs magic number, whose files are no
// files of anybody.
var kernelKinds = []uint32{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC,
	unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, unix.DEVPTS_SUPER_MAGIC,
}

func isKernel(dir string) bool {
	magic, err := magicOf(dir)
	return err == nil && slices.Contains(kernelKinds, magic)
}

// otherPaths returns the other paths that may lead to the folder at a path
// without symbolic links: through bind mounts, and through other mounts of its
// file system.
func otherPaths(path string) []string {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil // without it the paths that are known have to do
	}
	return pathsByMounts(string(table), path)
}

// mount is a line of /proc/self/mountinfo.
type mount struct {
	device string // as "8:1"
	root   string // the folder of the file system that is mounted
	point  string // where it is mounted
}

// pathsByMounts is otherPaths by a table in the form of /proc/self/mountinfo.
func pathsByMounts(table, path string) []string {
	var mounts []mount
	holder := mount{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		m := mount{f[2], unescapeMount(f[3]), unescapeMount(f[4])}
		mounts = append(mounts, m)
		if _, below := under(m.point, path); below && len(m.point) >= len(holder.point) {
			holder = m
		}
	}
	rel, ok := under(holder.point, path)
	if !ok {
		return nil
	}
	inside := filepath.Join(holder.root, rel)
	var out []string
	for _, m := range mounts {
		rel, ok := under(m.root, inside)
		if other := filepath.Join(m.point, rel); ok && m.device == holder.device && other != path {
			out = append(out, other)
		}
	}
	return out
}

// under returns path as it is named within dir, and whether it lies there.
func under(dir, path string) (rel string, ok bool) {
	if dir == "" {
		return "", false
	}
	rel, ok = strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rel, ok && (rel == "" || rel[0] == '/')
}

// unescapeMount undoes the octal escapes of /proc/self/mountinfo.
func unescapeMount(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if s[0] == '\\' && len(s) >= 4 {
			if n, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
