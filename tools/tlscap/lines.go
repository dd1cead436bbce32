package main

import "unicode/utf8"

// expand is [trace.Tool.Expand].
type expand = func(*event, func(*event) error) error

// lines returns what hands over an event as the lines that it is printed as: in JSON a
// line stays below 16 KiB, and what is longer is continued on the next one.
func lines(format string) expand {
	if format == "table" {
		return func(e *event, print func(*event) error) error { return print(e) }
	}
	return func(e *event, print func(*event) error) error {
		data, at, more := e.data, e.at, e.more
		for {
			n := fits(data)
			e.data, e.at = data[:n], at
			e.more = more || n < len(data)
			if err := print(e); err != nil {
				return err
			}
			e.missing = 0
			data, at = data[n:], at+uint32(n)
			if len(data) == 0 {
				return nil
			}
		}
	}
}

// lineRoom is what the bytes may take of a line: the rest of it is at most some 2 KiB, of
// which the longest is the path of a library.
const lineRoom = 10 << 10

// fits returns how many bytes of data fit into a line of JSON, as text and, if they are not
// all UTF-8, as base64 beside it. It does not part a character.
func fits(data []byte) int {
	text, valid := 0, true
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			if !utf8.FullRune(data[i:]) && i > 0 && valid {
				return i // the rest of the character may be in the next piece
			}
			valid = false
			text += 3
		case r < 0x20 || r >= 0x7f && r < 0x2000: // written as \u00ff, or as it is in two bytes
			text += 6
		case r == '"' || r == '\\':
			text += 2
		case r < 0x7f:
			text++
		default: // written as it is, or as two \uffff
			text += 12
		}
		cost := text
		if !valid {
			cost += (i + size) * 4 / 3
		}
		if cost > lineRoom {
			return max(i, 1)
		}
		i += size
	}
	return len(data)
}
