package pcap

import (
	"fmt"
	"strings"
)

// Filter decides about packets. The zero Filter takes all.
type Filter struct {
	match matcher
	text  string
}

// Match reports whether a packet passes.
func (f *Filter) Match(p *Packet) bool { return f.match.match == nil || f.match.match(p) }

func (f *Filter) String() string { return f.text }

// Compile understands the language of pcap-filter(7), that of tcpdump, as far as it is about addresses, ports, protocols
// and lengths:
//
//	host 192.0.2.1 and tcp port 443
//	not port 22
//	src net 10.0.0.0/8 and (dst port 443 or 8443)
//	ip6 and portrange 1000-2000 or vlan 7
//
// "and" and "or" bind equally and to the left, "not" binds closest; a value without qualifiers has those of the one
// before. What is not known is an error that says so: bytes of the packet (tcp[13]), names of hosts, other links.
//
// One thing is as users expect instead of as libpcap does it: a packet with a VLAN tag is looked at behind its tag, with
// or without "vlan" before.
func Compile(expression string) (*Filter, error) {
	f := &Filter{text: strings.TrimSpace(expression)}
	if f.text == "" {
		return f, nil
	}
	tokens, places, err := tokenize(f.text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, places: append(places, len(f.text))}
	match, err := p.expression(0)
	if err == nil && p.pos < len(p.tokens) {
		err = fmt.Errorf("%q not expected", p.peek())
	}
	if err != nil {
		return nil, syntaxError(p.places[min(p.fault(), len(tokens))], err)
	}
	f.match = match
	return f, nil
}

// syntaxError says what is wrong and where, by the byte of the expression, counted from 1.
func syntaxError(place int, err error) error {
	return fmt.Errorf("packet filter, at %d: %w", place+1, err)
}

// Bounds on what is compiled.
const (
	maxTokens = 4096
	maxDepth  = 64
)

// tokenize returns the words of an expression, and where each begins.
func tokenize(text string) (out []string, places []int, err error) {
	for s := strings.TrimSpace(text); s != ""; s = strings.TrimSpace(s) {
		n, place := 1, len(text)-len(s)
		switch {
		case strings.HasPrefix(s, "&&"), strings.HasPrefix(s, "||"):
			n = 2
		case s[0] == '(' || s[0] == ')' || s[0] == '!':
		default:
			if n = strings.IndexAny(s, " \t\r\n()!&|"); n < 0 {
				n = len(s)
			}
			if n == 0 {
				return nil, nil, syntaxError(place, fmt.Errorf("%q not expected", s[:1]))
			}
			if i := strings.IndexAny(s[:n], "[=<>+*^"); i >= 0 {
				return nil, nil, syntaxError(place, fmt.Errorf("%q: bytes of a packet cannot be compared: filter by addresses, ports, protocols and lengths", s[:n]))
			}
		}
		if out = append(out, s[:n]); len(out) > maxTokens {
			return nil, nil, syntaxError(place, fmt.Errorf("too long"))
		}
		places = append(places, place)
		s = s[n:]
	}
	return out, places, nil
}

// parser is that of an expression.
type parser struct {
	tokens []string
	places []int // of the tokens, and of the end
	pos    int
	taken  bool       // the token before pos is the one that an error is about
	last   qualifiers // of the value before
}

// take goes on to the next token; an error that comes now is about this one.
func (p *parser) take() {
	p.pos++
	p.taken = true
}

// fault is the token that an error is about.
func (p *parser) fault() int {
	if p.taken && p.pos > 0 {
		return p.pos - 1
	}
	return p.pos
}

func (p *parser) peek() string {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos]
	}
	return ""
}

func (p *parser) accept(words ...string) bool {
	p.taken = false
	for _, w := range words {
		if p.pos < len(p.tokens) && p.tokens[p.pos] == w {
			p.pos++
			return true
		}
	}
	return false
}

func (p *parser) expression(depth int) (matcher, error) {
	left, err := p.term(depth)
	for err == nil {
		both := p.accept("and", "&&")
		if !both && !p.accept("or", "||") {
			return left, nil
		}
		var right matcher
		if right, err = p.term(depth); err != nil {
			break
		}
		if both {
			left = and(left, right)
		} else {
			left = or(left, right)
		}
	}
	return matcher{}, err
}

func (p *parser) term(depth int) (matcher, error) {
	if depth > maxDepth {
		return matcher{}, fmt.Errorf("nested too deeply")
	}
	switch {
	case p.accept("not", "!"):
		m, err := p.term(depth + 1)
		return not(m), err
	case p.accept("("):
		m, err := p.expression(depth + 1)
		if err != nil {
			return matcher{}, err
		}
		if !p.accept(")") {
			return matcher{}, fmt.Errorf("closing parenthesis is missing")
		}
		return m, nil
	}
	return p.primitive()
}

// qualifiers are what stands before a value: a protocol, a direction, a kind.
type qualifiers struct{ proto, dir, kind string }

// protocols are the words that stand for one. Those without test are known to libpcap only.
var protocols = map[string]matcher{
	"ip":      ofType(typeIPv4, 4),
	"ip6":     ofType(typeIPv6, 6),
	"arp":     {func(k *Packet) bool { return k.Type == typeARP }, no},
	"tcp":     carries(protoTCP),
	"udp":     carries(protoUDP),
	"sctp":    carries(protoSCTP),
	"icmp":    and(ofType(typeIPv4, 4), carries(protoICMP)),
	"icmp6":   and(ofType(typeIPv6, 6), carries(protoICMPv6)),
	"esp":     carries(protoESP),
	"ah":      carries(protoAH),
	"ether":   {func(k *Packet) bool { return k.HasMAC }, perhaps},
	"inbound": {}, "outbound": {}, "ppp": {}, "wlan": {}, "fddi": {}, "tr": {}, "decnet": {}, "iso": {},
	"mpls": {}, "pppoed": {}, "pppoes": {}, "geneve": {}, "rarp": {}, "gateway": {}, "broadcast": {}, "multicast": {},
}

// ofType tests the EtherType of a packet, which is that of a version of IP.
func ofType(kind uint16, version uint32) matcher {
	return matcher{func(k *Packet) bool { return k.Type == kind }, equals(atVersion, version)}
}

// carries tests the protocol that IP carries.
func carries(protocol uint8) matcher {
	return matcher{func(k *Packet) bool { return k.isIP() && k.Protocol == protocol }, equals(atProtocol, uint32(protocol))}
}

func (k *Packet) isIP() bool { return (k.Type == typeIPv4 || k.Type == typeIPv6) && k.Src.IsValid() }

func (p *parser) primitive() (matcher, error) {
	if p.pos >= len(p.tokens) {
		return matcher{}, fmt.Errorf("ends where something is to follow")
	}
	p.taken = false
	start := p.pos
	q := qualifiers{}
	word := p.peek()
	switch word {
	case "vlan":
		p.pos++
		return p.vlan()
	case "less", "greater", "len":
		p.pos++
		return p.length(word)
	}
	if m, ok := protocols[word]; ok {
		if m.match == nil {
			return matcher{}, fmt.Errorf("%q is not known here", word)
		}
		p.pos++
		q.proto = word
		if p.accept("proto", "protochain") {
			return p.protocolNumber(word, p.tokens[p.pos-1])
		}
	} else if p.accept("proto") {
		return p.protocolNumber("", "proto")
	}
	if p.accept("src", "dst") {
		q.dir = p.tokens[p.pos-1]
		other := map[string]string{"src": "dst", "dst": "src"}[q.dir]
		if p.pos+1 < len(p.tokens) && p.tokens[p.pos+1] == other && p.accept("or", "and") {
			q.dir = "src " + p.tokens[p.pos-1] + " dst"
			p.pos++
		}
	}
	if p.accept("host", "net", "port", "portrange") {
		q.kind = p.tokens[p.pos-1]
	}
	switch p.peek() {
	case "", "and", "or", "&&", "||", ")":
		if q.dir != "" || q.kind != "" || q.proto == "" {
			return matcher{}, fmt.Errorf("a value is missing behind %q", strings.Join(p.tokens[start:p.pos], " "))
		}
		p.last = q
		return protocols[q.proto], nil
	case "(", "!", "not":
		return matcher{}, fmt.Errorf("%q not expected", p.peek())
	}
	value := p.peek()
	p.take()
	if p.pos-start == 1 { // a bare value
		if p.last.kind == "" && p.last.dir == "" {
			return matcher{}, fmt.Errorf("%q is not known here", value)
		}
		q = p.last
	}
	if q.kind == "" {
		q.kind = "host"
		if strings.Contains(value, "/") {
			q.kind = "net"
		}
	}
	p.last = q
	return p.value(q, value)
}
