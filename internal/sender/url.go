package sender

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
)

// maxURL bounds the address of a webhook, in bytes.
const maxURL = 2048

// CheckURL reports whether raw may be the address of a webhook. It looks at the
// address only and resolves nothing: what a name stands for is checked each time
// a Sender dials. Its errors are api.Invalid and say what to change.
//
// https:// is fine anywhere, http:// only to loopback and private addresses, and
// those only with allowPrivate. No user name, no fragment, no IPv6 zone, no
// address of a link or of a cloud's metadata service, and IPv4 addresses only as
// four decimal numbers.
func CheckURL(raw string, allowPrivate bool) error {
	_, err := parseTarget(raw, allowPrivate)
	return err
}

func parseTarget(raw string, allowPrivate bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, api.Errorf(api.Invalid, "the webhook URL has %d bytes, at most %d are allowed", len(raw), maxURL)
	}
	if raw != strings.TrimSpace(raw) || raw == "" {
		return nil, api.Errorf(api.Invalid, "the webhook URL is empty or has white space around it; give one like https://example.com/hook")
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse quotes the URL, which may hold a password.
		return nil, api.Errorf(api.Invalid, "the webhook URL is malformed; give one like https://example.com/hook")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, api.Errorf(api.Invalid, "the webhook URL must begin with https:// (or http:// for loopback and private addresses)")
	case u.User != nil:
		return nil, api.Errorf(api.Invalid, "the webhook URL must not hold a user name or password; verify the signature instead")
	case u.Hostname() == "":
		return nil, api.Errorf(api.Invalid, "the webhook URL names no host; give one like https://example.com/hook")
	case u.Fragment != "":
		return nil, api.Errorf(api.Invalid, "the webhook URL must not hold a #fragment: it is never sent")
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, api.Errorf(api.Invalid, "the port of the webhook URL must be 1 to 65535")
		}
	}
	return u, checkHost(u, allowPrivate)
}

func checkHost(u *url.URL, allowPrivate bool) error {
	host := u.Hostname()
	p := policyOf(u.Scheme, allowPrivate)
	if p == (policy{}) {
		return api.Errorf(api.Invalid, "http:// is allowed only to loopback and private addresses, and this webhook may not reach those; use https://")
	}
	if strings.Contains(host, "%") {
		return api.Errorf(api.Invalid, "the webhook URL must not hold an IPv6 zone (%%…): link-local addresses are never reached")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := p.check(addr); err != nil {
			return api.Errorf(api.Invalid, "%s", err.Error())
		}
		return nil
	}
	if strings.Contains(host, ":") {
		return api.Errorf(api.Invalid, "%s is no IPv6 address; write it like [2001:db8::1]", clip.Bytes(host, 60))
	}
	if endsInNumber(host) {
		return api.Errorf(api.Invalid, "%s is no host name and no IPv4 address; write addresses as four decimal numbers, like 192.0.2.1", clip.Bytes(host, 60))
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if !p.private && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return api.Errorf(api.Invalid, "%s", (&blockedError{host, "loopback"}).Error())
	}
	return nil
}

// endsInNumber reports whether the last label of host is a number, decimal,
// octal or hexadecimal. Some resolvers take such a host for an IPv4 address:
// 2130706433 and 0x7f.1 are both 127.0.0.1.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
