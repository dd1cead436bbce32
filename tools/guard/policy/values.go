package policy

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxID is the length of ids and names, in bytes. They are keys of maps and fields of
// alerts.
const maxID = 64

var identifier = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// id reads the name of a policy, a subject or a rule.
func (d *decoder) id(n ast.Node, what string) (Text, bool) {
	t, ok := d.text(n, what)
	return t, ok && d.checkID(t, what)
}

func (d *decoder) checkID(t Text, what string) bool {
	if !identifier.MatchString(t.S) || len(t.S) > maxID {
		d.add(t.Pos, "%s is made of letters, digits, '.', '_' and '-', at most %d, not %s", what, maxID, quote(t.S))
		return false
	}
	return true
}

// number reads one of the two numbers of a range, or its only one. A leading zero is an octal number to some readers of
// YAML and a decimal one to others.
func number(s, whole string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil && len(s) > 0 && strings.Trim(s, "0123456789") == "" || err == nil && n > most:
		return 0, fmt.Errorf("%s is too large; the largest is %d", quote(s), most)
	case err != nil:
		return 0, fmt.Errorf("%s is neither a decimal number nor a range of them", quote(whole))
	case len(s) > 1 && s[0] == '0':
		return 0, fmt.Errorf("%s begins with a zero; write %d", quote(s), n)
	}
	return n, nil
}

// numberRange reads "7" or "7-9".
func numberRange(s string, most uint64) (first, last uint64, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if first, err = number(from, s, most); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = number(to, s, most); err != nil {
		return 0, 0, err
	}
	if first > last {
		return 0, 0, fmt.Errorf("the range %s ends before it begins; write %d-%d", quote(s), last, first)
	}
	return first, last, nil
}

func (d *decoder) ports(n ast.Node) []PortRange {
	var all []PortRange
	for _, item := range d.items(n, "ports") {
		t, ok := d.text(item, "a port")
		if !ok {
			continue
		}
		first, last, err := numberRange(t.S, math.MaxUint16)
		if err != nil {
			d.add(t.Pos, `%v; a port is a number such as 443 or a range such as "8000-8099"`, err)
			continue
		}
		all = append(all, PortRange{First: uint16(first), Last: uint16(last), Pos: t.Pos})
	}
	return all
}

// The names of users and groups as useradd(8) takes them, and with the @ and the
// backslash of domains.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.@\\-]*\$?$`)

// ids reads user or group ids. The largest number is what the kernel says for none.
func (d *decoder) ids(n ast.Node, what string) []IDRange {
	var all []IDRange
	for _, item := range d.items(n, what) {
		t, ok := d.text(item, what)
		if !ok {
			continue
		}
		if userName.MatchString(t.S) && len(t.S) <= maxID {
			all = append(all, IDRange{First: 1, Last: 0, Name: t.S, Pos: t.Pos})
			continue
		}
		first, last, err := numberRange(t.S, math.MaxUint32-1)
		if err != nil {
			d.add(t.Pos, `%v; %s is a number such as 0, a range such as "1000-1999" or a name`, err, what)
			continue
		}
		all = append(all, IDRange{First: uint32(first), Last: uint32(last), Pos: t.Pos})
	}
	return all
}

func (d *decoder) networks(n ast.Node) []Network {
	var all []Network
	for _, item := range d.items(n, "addresses") {
		t, ok := d.text(item, "an address")
		if !ok {
			continue
		}
		prefix, err := parseNetwork(t.S)
		if err != nil {
			d.add(t.Pos, "%v", err)
			continue
		}
		all = append(all, Network{Prefix: prefix, Pos: t.Pos})
	}
	return all
}

// parseNetwork reads an address or a network. Those of IPv4 in the clothes of IPv6 are
// IPv4, as they are for the kernel.
func parseNetwork(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		addr, addrErr := netip.ParseAddr(s)
		switch {
		case addrErr != nil:
			return prefix, fmt.Errorf("%s is no address such as 192.0.2.1 or 2001:db8::1 and no network such as 10.0.0.0/8",
				quote(s))
		case addr.Zone() != "":
			return prefix, fmt.Errorf("%s has a zone, and addresses are compared without; write %s", quote(s), addr.WithZone(""))
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if masked := prefix.Masked(); masked != prefix {
		return prefix, fmt.Errorf("%s is an address within a network; write %s for the network or %s for the address",
			quote(s), masked, prefix.Addr())
	}
	return prefix, nil
}

// String returns the network as a policy has it.
func (n Network) String() string {
	if n.Prefix.IsSingleIP() {
		return n.Prefix.Addr().String()
	}
	return n.Prefix.String()
}

// String returns the range as a policy has it.
func (r PortRange) String() string { return rangeString(uint64(r.First), uint64(r.Last)) }

// String returns the range as a policy has it.
func (r IDRange) String() string {
	if r.Name != "" {
		return r.Name
	}
	return rangeString(uint64(r.First), uint64(r.Last))
}

func rangeString(first, last uint64) string {
	if first == last {
		return strconv.FormatUint(first, 10)
	}
	return fmt.Sprintf("%d-%d", first, last)
}
