package sender

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestCheckURL(t *testing.T) {
	tests := []struct {
		url             string
		public, private string // part of the error without and with allowPrivate; "" for none
	}{
		{"https://example.com/hook?a=b", "", ""},
		{"https://example.com:8443", "", ""},
		{"HTTPS://EXAMPLE.COM", "", ""},
		{"https://bücher.example/", "", ""},
		{"https://8.8.8.8/", "", ""},
		{"https://[2606:4700::1111]/", "", ""},
		{"https://1.example.com", "", ""},
		{"http://example.com/", "use https://", ""}, // where it leads shows when dialing
		{"http://8.8.8.8/", "use https://", "use https://"},
		{"http://127.0.0.1:3000/", "use https://", ""},
		{"https://127.0.0.1:3000/", "allow_private", ""},
		{"https://localhost:3000/", "allow_private", ""},
		{"https://LocalHost./", "allow_private", ""},
		{"https://a.localhost/", "allow_private", ""},
		{"https://[::1]/", "allow_private", ""},
		{"https://[::ffff:127.0.0.1]/", "allow_private", ""},
		{"https://[::ffff:7f00:1]/", "allow_private", ""},
		{"https://[64:ff9b::7f00:1]/", "allow_private", ""},
		{"https://[64:ff9b::808:808]/", "", ""},
		{"https://10.1.2.3/", "allow_private", ""},
		{"https://172.31.0.1/", "allow_private", ""},
		{"https://192.168.0.1/", "allow_private", ""},
		{"https://100.64.1.1/", "allow_private", ""},
		{"https://[fd12::1]/", "allow_private", ""},
		{"https://169.254.169.254/latest", "metadata", "metadata"},
		{"https://[::ffff:169.254.169.254]/", "metadata", "metadata"},
		{"https://[64:ff9b::a9fe:a9fe]/", "metadata", "metadata"},
		{"https://100.100.100.200/", "metadata", "metadata"},
		{"https://168.63.129.16/", "metadata", "metadata"},
		{"https://[fd00:ec2::254]/", "metadata", "metadata"},
		{"https://[fd20:ce::254]/", "metadata", "metadata"},
		{"https://[64:ff9b::6464:64c8]/", "metadata", "metadata"},
		{"https://[fe80::1]/", "metadata", "metadata"},
		{"https://[fe80::1%25eth0]/", "zone", "zone"},
		{"https://[::1%25lo]/", "zone", "zone"},
		{"https://0.0.0.0/", "reserved", "reserved"},
		{"https://[::]/", "reserved", "reserved"},
		{"https://[::7f00:1]/", "reserved", "reserved"},
		{"https://224.0.0.1/", "reserved", "reserved"},
		{"https://255.255.255.255/", "reserved", "reserved"},
		{"https://[2002:7f00:1::]/", "reserved", "reserved"},
		{"https://[2002:a9fe:a9fe::1]/", "reserved", "reserved"},
		{"https://[2001:0:7f00:1::]/", "reserved", "reserved"},
		{"https://[::ffff:0:7f00:1]/", "reserved", "reserved"},
		{"https://[64:ff9b:1::7f00:1]/", "reserved", "reserved"},
		{"https://[64:ff9b:1::a9fe:a9fe]/", "reserved", "reserved"},
		{"https://192.0.2.1/", "reserved", "reserved"},
		{"https://2130706433/", "four decimal numbers", "four decimal numbers"},
		{"https://0x7f000001/", "four decimal numbers", "four decimal numbers"},
		{"https://0x7f.1/", "four decimal numbers", "four decimal numbers"},
		{"https://0177.0.0.1/", "four decimal numbers", "four decimal numbers"},
		{"https://017700000001/", "four decimal numbers", "four decimal numbers"},
		{"https://127.0x0.0.1/", "four decimal numbers", "four decimal numbers"},
		{"https://%31%32%37.0.0.1/", "malformed", "malformed"},
		{"https://127.1/", "four decimal numbers", "four decimal numbers"},
		{"https://127.0.0.1./", "four decimal numbers", "four decimal numbers"},
		{"https://a.0x/", "four decimal numbers", "four decimal numbers"},
		{"https://user:pass@example.com/", "user name or password", "user name or password"},
		{"https://user@example.com/", "user name or password", "user name or password"},
		{"https://@example.com/", "user name or password", "user name or password"},
		{"https://example.com/#a", "fragment", "fragment"},
		{"https://example.com:0/", "port", "port"},
		{"https://example.com:65536/", "port", "port"},
		{"https://example.com:/", "port", "port"},
		{"https:///path", "no host", "no host"},
		{"https:example.com", "no host", "no host"},
		{"//example.com", "https://", "https://"},
		{"example.com", "https://", "https://"},
		{"ftp://example.com", "https://", "https://"},
		{"file:///etc/passwd", "https://", "https://"},
		{"", "empty", "empty"},
		{" https://example.com", "white space", "white space"},
		{"https://exa mple.com", "malformed", "malformed"},
		{"https://example.com/\x00", "malformed", "malformed"},
		{"https://[::1", "malformed", "malformed"},
		{"https://example.com/" + strings.Repeat("a", 2048), "at most 2048", "at most 2048"},
	}
	for _, tt := range tests {
		for allow, want := range map[bool]string{false: tt.public, true: tt.private} {
			err := CheckURL(tt.url, allow)
			if (err == nil) != (want == "") || (err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, api.Invalid))) {
				t.Errorf("CheckURL(%.60q, %t): got %v, want %q in it", tt.url, allow, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") {
				t.Errorf("CheckURL(%q): got the password in %q", tt.url, err)
			}
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://example.com", "http://[::ffff:127.0.0.1%25lo]:80/", "https://0x7f.1", "https://2130706433", "https://u:p@h:1/?q#f", "https://[64:ff9b::a9fe:a9fe]"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, raw string, allow bool) {
		u, err := parseTarget(raw, allow)
		if err != nil {
			return
		}
		host := u.Hostname()
		if addr, err := netip.ParseAddr(host); err == nil {
			if policyOf(u.Scheme, allow).check(addr) != nil {
				t.Errorf("CheckURL(%q, %t): got nil for an address that may not be reached", raw, allow)
			}
		} else if ip := net.ParseIP(host); ip != nil || endsInNumber(host) {
			t.Errorf("CheckURL(%q, %t): got nil for %s, which some resolvers take for an address", raw, allow, host)
		}
		if u.User != nil || (u.Scheme == "http" && !allow) {
			t.Errorf("CheckURL(%q, %t): got nil", raw, allow)
		}
	})
}

// hook is a receiver on loopback that counts what reaches it.
type hook struct {
	*httptest.Server
	hits atomic.Int64
}

func newHook(t *testing.T, handler http.HandlerFunc) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.hits.Add(1)
		if handler != nil {
			handler(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// port of the receiver.
func (h *hook) port() string {
	_, port, _ := net.SplitHostPort(h.Listener.Addr().String())
	return port
}

func TestAddressesAreCheckedOnEveryAttemptAfterDNS(t *testing.T) {
	dns := newNameserver(t)
	receiver := newHook(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	s := New(Options{Resolver: dns.resolver()})
	defer s.Close()
	plain, secure := "http://rebind.test:"+receiver.port(), "https://rebind.test:"+receiver.port()
	steps := []struct {
		answer  []string // of the name server, from this attempt on
		url     string
		private bool
		kind    string
		why     string
	}{
		{[]string{"127.0.0.1"}, plain, true, "", ""},
		{[]string{"169.254.169.254"}, plain, true, api.AttemptBlocked, "metadata"},
		{[]string{"127.0.0.1"}, plain, true, "", ""},
		{[]string{"8.8.8.8"}, plain, true, api.AttemptBlocked, "use https://"},
		{[]string{"169.254.169.254", "127.0.0.1"}, plain, true, "", ""}, // the one that is allowed
		{[]string{"127.0.0.1"}, secure, false, api.AttemptBlocked, "allow_private"},
		{[]string{"192.168.7.7"}, secure, false, api.AttemptBlocked, "allow_private"},
		{[]string{"::1"}, secure, false, api.AttemptBlocked, "allow_private"},
		{[]string{"::ffff:127.0.0.1"}, secure, false, api.AttemptBlocked, "allow_private"},
		{[]string{"64:ff9b::7f00:1"}, secure, false, api.AttemptBlocked, "allow_private"},
		{[]string{"fd00:ec2::254"}, secure, true, api.AttemptBlocked, "metadata"},
		{[]string{"100.100.100.200"}, secure, true, api.AttemptBlocked, "metadata"},
		{[]string{"64:ff9b::a9fe:a9fe"}, secure, true, api.AttemptBlocked, "metadata"},
		{[]string{"::ffff:169.254.169.254"}, plain, true, api.AttemptBlocked, "metadata"},
		{[]string{"64:ff9b:1::7f00:1"}, secure, true, api.AttemptBlocked, "reserved"},
		{[]string{"2001:0:7f00:1::"}, secure, true, api.AttemptBlocked, "reserved"},
		{[]string{"fe80::1"}, secure, true, api.AttemptBlocked, "metadata"},
		{[]string{"0.0.0.0"}, secure, true, api.AttemptBlocked, "reserved"},
		{[]string{"2002:7f00:1::1"}, secure, true, api.AttemptBlocked, "reserved"},
	}
	want := int64(0)
	for i, step := range steps {
		dns.set("rebind.test", step.answer...)
		a := s.Send(t.Context(), Target{URL: step.url, AllowPrivate: step.private}, nil, []byte("{}"))
		if a.ErrorKind != step.kind || !strings.Contains(a.Error, step.why) || Delivered(a) != (step.kind == "") {
			t.Errorf("step %d, %v: got status %d, %s %q, want %q and %q", i, step.answer, a.Status, a.ErrorKind, a.Error, step.kind, step.why)
		}
		if step.kind == "" {
			want++
		}
	}
	if got := receiver.hits.Load(); got != want {
		t.Errorf("got %d requests at the receiver, want %d", got, want)
	}
}

func TestAKeptConnectionIsNotLentToAStricterPolicy(t *testing.T) {
	dns := newNameserver(t)
	dns.set("example.com", "127.0.0.1")
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	s := New(Options{Resolver: dns.resolver(), Roots: receiver.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	defer s.Close()
	_, port, _ := net.SplitHostPort(receiver.Listener.Addr().String())
	url := "https://example.com:" + port
	if a := s.Send(t.Context(), Target{URL: url, AllowPrivate: true}, nil, nil); !Delivered(a) {
		t.Fatalf("with allow_private: got %+v, want it delivered", a)
	}
	if a := s.Send(t.Context(), Target{URL: url}, nil, nil); a.ErrorKind != api.AttemptBlocked {
		t.Errorf("without allow_private: got %+v, want it blocked", a)
	}
}

func TestNumericSpellingsNeverReachTheReceiver(t *testing.T) {
	receiver := newHook(t, nil)
	s := New(Options{Resolver: newNameserver(t).resolver()})
	defer s.Close()
	for _, host := range []string{"2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "[::1%25lo]", "[fe80::1%25lo]", "[::ffff:169.254.169.254]"} {
		a := s.Send(t.Context(), Target{URL: "http://" + host + ":" + receiver.port(), AllowPrivate: true}, nil, nil)
		if a.ErrorKind != api.AttemptBlocked || a.Error == "" {
			t.Errorf("%s: got %+v, want it blocked", host, a)
		}
	}
	if got := receiver.hits.Load(); got != 0 {
		t.Errorf("got %d requests at the receiver, want none", got)
	}
}

// The transport reads digits of other scripts as those of ASCII, and so makes
// addresses of what looked like names.
func TestDigitsOfOtherScriptsAreCheckedAsAddresses(t *testing.T) {
	s := New(Options{Resolver: newNameserver(t).resolver()})
	defer s.Close()
	tests := []struct {
		host    string
		private bool
		why     string
	}{
		{"①②⑦.⓪.⓪.①", false, "allow_private"},
		{"１２７．０．０．１", false, "allow_private"},
		{"①⑥⑨.②⑤④.①⑥⑨.②⑤④", true, "metadata"},
	}
	for _, tt := range tests {
		a := s.Send(t.Context(), Target{URL: "https://" + tt.host + "/", AllowPrivate: tt.private}, nil, nil)
		if a.ErrorKind != api.AttemptBlocked || !strings.Contains(a.Error, tt.why) {
			t.Errorf("%s: got %s %q, want it blocked with %q", tt.host, a.ErrorKind, a.Error, tt.why)
		}
	}
}

func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	proxy := newHook(t, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	dns := newNameserver(t)
	dns.set("hook.test", "127.0.0.1")
	receiver := newHook(t, nil)
	s := New(Options{Resolver: dns.resolver()})
	defer s.Close()
	a := s.Send(t.Context(), Target{URL: "http://hook.test:" + receiver.port(), AllowPrivate: true}, nil, nil)
	if !Delivered(a) || receiver.hits.Load() != 1 || proxy.hits.Load() != 0 {
		t.Errorf("got %+v, %d at the receiver, %d at the proxy, want it delivered directly", a, receiver.hits.Load(), proxy.hits.Load())
	}
}
