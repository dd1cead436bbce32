package dns

import (
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// Limits of a message. A resolver's answer is far below them.
const (
	maxAnswers = 128 // records that are looked at
	maxChain   = 16  // names from the one that was asked for to the one with addresses
)

// answer is what a message says.
type answer struct {
	name   []byte   // that was asked for, in presentation format
	cnames [][]byte // the chain from there
	addrs  []netip.Addr
}

// parse reads a message. It is false for what is no answer with addresses: a
// question, an error, another type, nonsense.
func parse(msg []byte) (answer, bool) {
	var p dnsmessage.Parser
	var a answer
	header, err := p.Start(msg)
	if err != nil || !header.Response || header.RCode != dnsmessage.RCodeSuccess {
		return a, false
	}
	question, err := p.Question()
	if err != nil || question.Type != dnsmessage.TypeA && question.Type != dnsmessage.TypeAAAA {
		return a, false
	}
	if err := p.SkipAllQuestions(); err != nil {
		return a, false
	}
	chain := []dnsmessage.Name{question.Name}
	for range maxAnswers {
		h, err := p.AnswerHeader()
		if err != nil {
			break // the end, or cut off: what came before counts
		}
		// Records that do not hang on the question are nobody's answer. A server
		// may give the chain in any order; all of them begin with the question.
		on := onChain(chain, h.Name)
		switch {
		case on && h.Type == dnsmessage.TypeA:
			r, err := p.AResource()
			if err != nil {
				return finish(a, chain)
			}
			a.addrs = append(a.addrs, netip.AddrFrom4(r.A))
		case on && h.Type == dnsmessage.TypeAAAA:
			r, err := p.AAAAResource()
			if err != nil {
				return finish(a, chain)
			}
			a.addrs = append(a.addrs, netip.AddrFrom16(r.AAAA).Unmap())
		case on && h.Type == dnsmessage.TypeCNAME:
			r, err := p.CNAMEResource()
			if err != nil {
				return finish(a, chain)
			}
			if len(chain) < maxChain && !onChain(chain, r.CNAME) {
				chain = append(chain, r.CNAME)
			}
		default:
			if p.SkipAnswer() != nil {
				return finish(a, chain)
			}
		}
	}
	return finish(a, chain)
}

func finish(a answer, chain []dnsmessage.Name) (answer, bool) {
	if len(a.addrs) == 0 {
		return a, false
	}
	a.name = presentation(chain[0])
	for _, name := range chain[1:] {
		a.cnames = append(a.cnames, presentation(name))
	}
	return a, true
}

func onChain(chain []dnsmessage.Name, name dnsmessage.Name) bool {
	for i := range chain {
		if equal(&chain[i], &name) {
			return true
		}
	}
	return false
}

// equal compares names as DNS does: letters of ASCII have no case.
func equal(a, b *dnsmessage.Name) bool {
	if a.Length != b.Length {
		return false
	}
	for i := range a.Length {
		if lower(a.Data[i]) != lower(b.Data[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// presentation writes a name without the dot at its end. Labels with a dot in them
// the parser has refused; other bytes that are no visible characters of ASCII are
// \DDD, and a backslash is doubled (RFC 1035, 5.1).
func presentation(name dnsmessage.Name) []byte {
	raw := name.Data[:name.Length]
	if n := len(raw); n > 1 && raw[n-1] == '.' {
		raw = raw[:n-1]
	}
	out := make([]byte, 0, len(raw))
	for _, c := range raw {
		switch {
		case c == '\\':
			out = append(out, '\\', '\\')
		case c <= ' ' || c > '~':
			out = append(out, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			out = append(out, c)
		}
	}
	return out
}
