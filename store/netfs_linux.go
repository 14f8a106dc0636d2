package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/voxparse/voxparse/api"
)

// networkFS names the file systems, by statfs magic number, on which locks and
// maps of a database are not to be trusted.
var networkFS = map[uint32]string{
	0x6969:     "NFS",
	0x517b:     "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB2",
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
}

// RefuseNetwork returns an api.Invalid error, which names the file system, when
// dir is on one of a network. Open does so by itself.
func RefuseNetwork(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return refuseType(dir, uint32(s.Type))
}

func refuseType(dir string, magic uint32) error {
	name, ok := networkFS[magic]
	if !ok && magic == fuseMagic {
		name, ok = networkMount(dir)
	}
	if ok {
		return api.Errorf(api.Invalid, "the data folder %s is on %s, where a database is not safe; set data_dir to a folder on a local disk", dir, name)
	}
	return nil
}

const fuseMagic = 0x65735546

// networkMount tells the network file systems among those that FUSE serves by
// the type that their mount bears.
func networkMount(dir string) (fsType string, network bool) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", false // without it a local FUSE mount is as likely
	}
	fsType = mountType(string(table), abs)
	for _, name := range []string{"sshfs", "rclone", "s3fs", "glusterfs", "ceph", "davfs", "gcsfuse", "curlftpfs", "juicefs", "vmhgfs"} {
		if strings.Contains(fsType, name) {
			return fsType, true
		}
	}
	return fsType, false
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

// probeLock returns ErrLocked when another process has the database open.
func probeLock(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return errors.Join(err, f.Close())
}
