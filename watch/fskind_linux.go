package watch

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// remoteKinds names the file systems, by statfs magic number, whose changes may
// be made elsewhere, where no event tells of them and no lease is to be trusted.
var remoteKinds = map[uint32]string{
	0x6969:     "NFS",
	0x517b:     "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB",
	0x564c:     "NCP",
	0x01021997: "9p",
	0x5346414f: "AFS",
	0x6b414653: "AFS",
	0x73757245: "Coda",
	0x00c36400: "Ceph",
	0x0bd00bd0: "Lustre",
	0x47504653: "GPFS",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
	0x786f4256: "VirtualBox shared folders",
	0xbacbacbc: "VMware shared folders",
	0x65735546: "FUSE",
}

// RemoteKind returns the name of the file system of dir where events cannot be
// relied on, or "".
func RemoteKind(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return ""
	}
	return remoteKinds[uint32(s.Type)]
}

// limitCure returns the command that raises the limit that err is about.
func limitCure(err error) string {
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
