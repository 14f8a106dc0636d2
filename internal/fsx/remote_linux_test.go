package fsx

import (
	"errors"
	"io/fs"
	"testing"
)

func TestNetworkKind(t *testing.T) {
	for _, tt := range []struct {
		magic uint32
		want  string
	}{
		{0xef53, ""},     // ext4
		{0x58465342, ""}, // XFS
		{0x9123683e, ""}, // btrfs
		{0x01021994, ""}, // tmpfs
		{0x786f4256, ""}, // a folder that a virtual machine shares
		{fuseMagic, ""},  // the root of this machine is none of a network's
		{0x6969, "NFS"},
		{0xfe534d42, "SMB"},
		{0x01021997, "9p"},
	} {
		if got := networkKind("/", tt.magic); got != tt.want {
			t.Errorf("magic %#x: got %q, want %q", tt.magic, got, tt.want)
		}
	}
}

func TestKinds_missingFolder(t *testing.T) {
	dir := t.TempDir() + "/none"
	if got := RemoteKind(dir); got != "" {
		t.Errorf("remote kind: got %q, want none", got)
	}
	if got, err := NetworkKind(dir); got != "" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("network kind: got %q, error %v, want %v", got, err, fs.ErrNotExist)
	}
}

func TestTheMountOfAPathIsTheInnermost(t *testing.T) {
	table := "22 1 0:20 / / rw - ext4 /dev/vda rw\n" +
		"30 22 0:40 / /home/me/remote rw,nosuid shared:9 - fuse.sshfs host: rw\n" +
		"31 22 0:41 / /home/me/a\\040b rw - fuse.gocryptfs x rw\n" +
		"broken line\n"
	for _, tt := range []struct{ path, want string }{
		{"/home/me", "ext4"},
		{"/home/me/remote", "fuse.sshfs"},
		{"/home/me/remote/deep/er", "fuse.sshfs"},
		{"/home/me/remoteness", "ext4"},
		{"/home/me/a b/c", "fuse.gocryptfs"},
	} {
		if got := mountType(table, tt.path); got != tt.want {
			t.Errorf("mount of %s: got %s, want %s", tt.path, got, tt.want)
		}
	}
}
