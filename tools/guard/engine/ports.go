package engine

import (
	"fmt"
	"os"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// ephemeralPorts is the range of ports that the kernel chooses from, in this network
// namespace.
func ephemeralPorts() (policy.PortRange, error) {
	const file = "/proc/sys/net/ipv4/ip_local_port_range"
	b, err := os.ReadFile(file)
	if err != nil {
		return policy.PortRange{}, fmt.Errorf("find the range of ephemeral ports: %w", err)
	}
	var r policy.PortRange
	if _, err := fmt.Sscan(string(b), &r.First, &r.Last); err != nil || r.First > r.Last {
		return policy.PortRange{}, fmt.Errorf("find the range of ephemeral ports: %s says %q", file, b)
	}
	return r, nil
}
