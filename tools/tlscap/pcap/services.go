package pcap

import (
	"os"
	"strconv"
	"strings"
)

// services is where names of ports are (services(5)). Package net would read it as well, but takes cgo along.
const services = "/etc/services"

// service returns the port that a name stands for, in a protocol: tcp or udp.
func service(protocol, name string) (uint16, bool) {
	text, err := os.ReadFile(services)
	if err != nil {
		return known(protocol, name)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, ok := strings.CutSuffix(fields[1], "/"+protocol)
		if !ok {
			continue
		}
		for i, f := range fields {
			if i == 1 || f != name {
				continue
			}
			if n, err := strconv.ParseUint(number, 10, 16); err == nil {
				return uint16(n), true
			}
		}
	}
	return known(protocol, name)
}

// known has the names that people filter by, for machines without the file.
func known(protocol, name string) (uint16, bool) {
	n, ok := map[string]uint16{"ssh": 22, "domain": 53, "http": 80, "https": 443}[name]
	return n, ok && (protocol == "tcp" || name == "domain")
}
