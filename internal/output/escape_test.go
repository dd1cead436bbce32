package output

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"
)

func TestAppendEscaped(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ascii", "ls -l /tmp ~!@#$%^&*()_+{}|:<>?", "ls -l /tmp ~!@#$%^&*()_+{}|:<>?"},
		{"backslash and quote stay", `a\n"b"`, `a\n"b"`},
		{"named controls", "a\nb\tc\rd", `a\nb\tc\rd`},
		{"other controls", "\x00\x07\x1b[2J\x7f", `\x00\x07\x1b[2J\x7f`},
		{"C1 as a rune", "\u0085\u009b", `\u{85}\u{9b}`},
		{"C1 as a byte", "\x85\x9b", `\x85\x9b`},
		{"not UTF-8", "caf\xe9!", `caf\xe9!`},
		{"UTF-8 cut off", "\xe2\x82", `\xe2\x82`},
		{"overlong slash", "\xc0\xaf", `\xc0\xaf`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"beyond Unicode", "\xf4\x90\x80\x80", `\xf4\x90\x80\x80`},
		{"ordinary Unicode", "Grüße 日本語 🦊 \u00a0", "Grüße 日本語 🦊 \u00a0"},
		{"combining mark", "e\u0301", "e\u0301"},
		{"U+FFFD itself", "\ufffd", "\ufffd"},
		{"separators", "\u2028\u2029", `\u{2028}\u{2029}`},
		{"bidi", "\u202e\u2066\u200e\u200f\u061c", `\u{202e}\u{2066}\u{200e}\u{200f}\u{61c}`},
		{"zero width", "\u200b\u200d\u2060\ufeff\u00ad", `\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}`},
		{"fillers", "\u3164\uffa0\u034f", `\u{3164}\u{ffa0}\u{34f}`},
		{"tags", "\U000e0041", `\u{e0041}`},
		{"private use", "\ue000\U00100000", `\u{e000}\u{100000}`},
		{"noncharacters", "\uffff\U0010ffff", `\u{ffff}\u{10ffff}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			qt.Check(t, qt.Equals(string(AppendEscaped(nil, []byte(test.in))), test.want))
			qt.Check(t, qt.Equals(string(AppendEscaped([]byte("> "), []byte(test.in))), "> "+test.want))
		})
	}
}

func TestAppendQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"":              `""`,
		`say "hi"`:      `"say \"hi\""`,
		`C:\dir`:        `"C:\dir"`,
		"a\n\x1b\u202e": `"a\n\x1b\u{202e}"`,
	} {
		qt.Check(t, qt.Equals(string(AppendQuoted(nil, []byte(in))), want))
	}
}

// The eight-byte stride of plain must find every byte at every place, next to every kind of neighbour.
func TestPlain(t *testing.T) {
	for _, stop := range []class{stopPlain, stopQuoted, stopJSON} {
		for c := range 256 {
			for _, fill := range "a ~![]#{}" {
				for at := range 19 {
					b := []byte(strings.Repeat(string(fill), 19))
					b[at] = byte(c)
					want := len(b)
					if c < 0x20 || c >= 0x7f || c == '"' && stop&classQuote != 0 || c == '\\' && stop&classSlash != 0 {
						want = at
					}
					if got := plain(b, stop); got != want {
						t.Fatalf("plain(%q, %d) = %d, want %d", b, stop, got, want)
					}
				}
			}
		}
	}
}

// jsonWidth is what cutting relies on.
func TestJSONWidthAgrees(t *testing.T) {
	check := func(b []byte) {
		size, width, valid := jsonWidth(b)
		got, ok := appendJSON(nil, b[:size])
		if len(got) != width+2 || ok != valid || size > len(b) {
			t.Fatalf("jsonWidth(%q) = %d, %d, %v; appendJSON makes %s, %v", b, size, width, valid, got, ok)
		}
	}
	for c := range 256 {
		check([]byte{byte(c)})
		check([]byte{byte(c), 'a', 'b', 'c'})
	}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		check(utf8.AppendRune(nil, r))
	}
}
