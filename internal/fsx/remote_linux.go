package fsx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A remoteFS is a file system whose files may be changed elsewhere.
type remoteFS struct {
	name    string
	network bool // of a server: locks and maps of a database are not to be trusted
}

const fuseMagic = 0x65735546

// remoteKinds names the file systems by statfs magic number.
var remoteKinds = map[uint32]remoteFS{
	0x6969:     {"NFS", true},
	0x517b:     {"SMB", true},
	0xff534d42: {"CIFS", true},
	0xfe534d42: {"SMB", true},
	0x564c:     {"NCP", true},
	0x01021997: {"9p", true},
	0x5346414f: {"AFS", true},
	0x6b414653: {"AFS", true},
	0x73757245: {"Coda", true},
	0x00c36400: {"Ceph", true},
	0x0bd00bd0: {"Lustre", true},
	0x47504653: {"GPFS", true},
	0x01161970: {"GFS2", true},
	0x7461636f: {"OCFS2", true},
	0x786f4256: {"VirtualBox shared folders", false},
	0xbacbacbc: {"VMware shared folders", false},
	fuseMagic:  {"FUSE", false}, // the mount says which
}

// RemoteKind returns the name of the file system of dir where its files may be
// changed elsewhere: no event tells of that, and no lease is to be trusted. It
// is "" for a disk of this machine, and where nothing is known.
func RemoteKind(dir string) string {
	magic, err := magicOf(dir)
	if err != nil {
		return ""
	}
	return remoteKinds[magic].name
}

// NetworkKind returns the name of the file system of dir where it is one of a
// network, on which no database is safe, and "" where it is not.
func NetworkKind(dir string) (string, error) {
	magic, err := magicOf(dir)
	if err != nil {
		return "", fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return networkKind(dir, magic), nil
}

func networkKind(dir string, magic uint32) string {
	switch kind := remoteKinds[magic]; {
	case magic == fuseMagic:
		return networkMount(dir)
	case kind.network:
		return kind.name
	}
	return ""
}

func magicOf(dir string) (uint32, error) {
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	return uint32(s.Type), err
}

// networkMount tells the network file systems among those that FUSE serves by
// the type that their mount bears.
func networkMount(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "" // without it a local FUSE mount is as likely
	}
	fsType := mountType(string(table), abs)
	for _, name := range []string{"sshfs", "rclone", "s3fs", "glusterfs", "ceph", "davfs", "gcsfuse", "curlftpfs", "juicefs", "vmhgfs"} {
		if strings.Contains(fsType, name) {
			return fsType
		}
	}
	return ""
}

// mountType returns the file system type of the mount that holds the absolute
// path, by a table in the form of /proc/self/mountinfo.
func mountType(table, path string) string {
	best, fsType := -1, ""
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		sep := slices.Index(f, "-")
		if sep < 5 || sep+1 >= len(f) {
			continue
		}
		point := strings.ReplaceAll(f[4], `\040`, " ")
		below := point == "/" || path == point || strings.HasPrefix(path, point+"/")
		if below && len(point) >= best {
			best, fsType = len(point), f[sep+1]
		}
	}
	return fsType
}
