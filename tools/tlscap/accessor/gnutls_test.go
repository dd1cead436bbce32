package accessor

import (
	"debug/elf"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestHandsOut(t *testing.T) {
	for name, c := range map[string]Code{
		// lea rax, [rdi+0x50]; mov [rsi], rax; ret
		"amd64": {elf.EM_X86_64, []byte{0x48, 0x8d, 0x47, 0x50, 0x48, 0x89, 0x06, 0xc3}},
		// add x0, x0, #0x50; str x0, [x1]; ret
		"arm64": {elf.EM_AARCH64, []byte{0x00, 0x40, 0x01, 0x91, 0x20, 0x00, 0x00, 0xf9, 0xc0, 0x03, 0x5f, 0xd6}},
	} {
		p, err := c.handsOut()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", name))
		qt.Check(t, qt.DeepEquals(p, Path{0x50}), qt.Commentf("%s", name))
	}
	// mov qword [rsi], 7; ret: no pointer into the session
	_, err := Code{elf.EM_X86_64, []byte{0x48, 0xc7, 0x06, 7, 0, 0, 0, 0xc3}}.handsOut()
	qt.Check(t, qt.IsNotNil(err))
	_, err = Code{elf.EM_X86_64, []byte{0xc3}}.handsOut() // writes nothing
	qt.Check(t, qt.IsNotNil(err))
}
