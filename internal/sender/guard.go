package sender

import (
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// policy says which addresses a connection may be made to. Every connection is
// checked against it after the name was resolved, so that an answer of a name
// server that changes afterwards has no effect.
type policy struct{ public, private bool }

// policyOf returns the policy for a URL of scheme: plain HTTP never leaves the
// private network.
func policyOf(scheme string, allowPrivate bool) policy {
	return policy{public: scheme == "https", private: allowPrivate}
}

// blockedError is an address that may not be reached.
type blockedError struct{ addr, what string }

func (e *blockedError) Error() string {
	switch e.what {
	case "metadata":
		return e.addr + " is a link-local or cloud metadata address, which a webhook never reaches; use another address"
	case "loopback":
		return e.addr + " is a loopback or private address; allow it for this webhook with allow_private, or use a public address"
	case "plain":
		return e.addr + " is a public address, to which http:// is refused; use https://"
	}
	return e.addr + " is reserved and cannot be reached by a webhook; use a public address"
}

// never lists what no policy reaches, beyond what ssrf denies: link-local
// addresses, and the metadata services of clouds, some of which sit at private
// or even public addresses.
var never = prefixes(
	"169.254.0.0/16",         // link-local: AWS, GCP, Azure and most others
	"100.100.100.200/32",     // Alibaba
	"168.63.129.16/32",       // Azure's host agent
	"192.0.0.192/32",         // Oracle
	"fe80::/10",              // link-local
	"fd00:ec2::/32",          // AWS
	"fd20:ce::254/128",       // GCP
	"fd00:42::42/128",        // Scaleway
	"fd00:c1::a9fe:a9fe/128", // Oracle
)

// The private addresses: loopback, RFC 1918, shared address space (which VPNs
// use), and unique local IPv6.
var (
	private4 = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
	private6 = prefixes("::1/128", "fc00::/7")
)

var (
	publicOnly = ssrf.New(ssrf.WithAnyPort())
	withinToo  = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(private4...), ssrf.WithAllowedV6Prefixes(private6...))
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s).Masked()
	}
	return out
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// control is a net.Dialer's Control: it sees the address of every connection
// just before it is made.
func (p policy) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return &blockedError{addr: network + " " + address}
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	return p.check(target.Addr())
}

// check returns a *blockedError if addr may not be reached.
func (p policy) check(addr netip.Addr) error {
	shown := addr.String()
	plain := embedded(addr.WithZone("").Unmap())
	if contains(never, plain) || (addr.Zone() != "" && !plain.IsLoopback()) {
		return &blockedError{shown, "metadata"}
	}
	if publicOnly.SafeAddr(plain) == nil {
		if !p.public {
			return &blockedError{shown, "plain"}
		}
		return nil
	}
	if withinToo.SafeAddr(plain) != nil {
		return &blockedError{shown, "reserved"}
	}
	if !p.private {
		return &blockedError{shown, "loopback"}
	}
	return nil
}

// embedded returns the IPv4 address inside a NAT64 address, on which the check
// must be made, and any other address as it is.
func embedded(addr netip.Addr) netip.Addr {
	if !ssrf.IPv6NAT64Prefix.Contains(addr) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}
