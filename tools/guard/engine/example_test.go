package engine_test

import (
	"fmt"
	"log"

	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// Nobody listens on port 22 of this machine, by whatever protocol, and who tries is
// told.
func Example() {
	policies, err := policy.Parse("no-ssh", []byte(`
version: 1
name: no-ssh
mode: enforce
rules:
  - {id: ssh, subject: all, bind: {ports: 22}, action: deny}
`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := engine.New(engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	if err := m.AttachFor(policies...); err != nil {
		log.Fatal(err)
	}
	if err := m.Set(policies...); err != nil {
		log.Fatal(err)
	}
	for alert := range m.Alerts() {
		fmt.Println(alert.Process.PID, alert.Process.Exe, alert.Hook, alert.Object.Addr)
	}
}
