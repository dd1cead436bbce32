package library

import (
	"fmt"

	"github.com/ringside-tools/ringside/tools/tlscap/gotls"
)

// goKinds are what the functions of crypto/tls do.
var goKinds = map[string]Kind{gotls.Read: Read, gotls.Write: Write, gotls.Close: GoClose, gotls.KeyLog: GoSecret}

// inspectGo makes a library of what was found in a program of Go.
func inspectGo(p *gotls.Program) (*Library, error) {
	if !p.Registers {
		return nil, fmt.Errorf("a program of %s passes arguments on the stack: Go 1.17 is wanted, or 1.18 on arm64", p.Version)
	}
	conn := p.Conn
	lib := &Library{Version: p.Version, GoConn: &conn}
	for _, name := range gotls.Names() {
		if f, ok := p.Functions[name]; ok {
			lib.Functions = append(lib.Functions, Function{Name: name, Family: Go, Kind: goKinds[name], Offset: f.Offset, Returns: f.Returns})
		}
	}
	if len(lib.Functions) == 0 {
		return nil, ErrNothing
	}
	return lib, nil
}
