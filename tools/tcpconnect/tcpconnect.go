package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/dns"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// config is what the flags say.
type config struct {
	timestamp bool
	printUID  bool
	lport     bool
	sport     bool
	result    bool
	count     bool
	dns       bool
	v4, v6    bool
	port      []uint16
	notPort   []uint16
	net       []netip.Prefix
	only      []uint8 // results
	failed    bool
}

func newCommand() *command.Command { return commandOf(new(config)) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	return &command.Command{
		Name:    "tcpconnect",
		Summary: "trace TCP connections that are opened: who connects, to where, and what becomes of it",
		Description: `One line per attempt, failed ones included: process, name, IP version, source and
destination. With -L, -s, --result, --only or --failed, and in JSON and CSV, the
line comes with the outcome; otherwise at the attempt.`,
		Flags: []command.Flag{
			command.Bool("timestamp", "t", "TIME(s) column: seconds since the first event", &cfg.timestamp),
			command.Bool("print-uid", "U", "UID column", &cfg.printUID),
			command.Bool("lport", "L", "LPORT column: the source port", &cfg.lport),
			command.Bool("source-port", "s", "SPORT column: the source port; with -c count by it", &cfg.sport),
			command.Bool("result", "", "RESULT, ERROR and LAT(ms) columns: what became of it, and after how long", &cfg.result),
			command.Bool("count-connects", "c", "count attempts by addresses and port, and print the sums at the end", &cfg.count),
			command.Bool("dns", "d", "QUERY column: the name of the destination, by the answers of DNS seen since the start", &cfg.dns),
			command.List("port", "P", "PORT,...", "only to these destination ports", parsePort, &cfg.port),
			command.List("not-port", "", "PORT,...", "not to these destination ports", parsePort, &cfg.notPort),
			command.List("net", "", "CIDR,...", "only to these networks or addresses", parsePrefix, &cfg.net),
			command.Bool("ipv4", "4", "only IPv4", &cfg.v4),
			command.Bool("ipv6", "6", "only IPv6", &cfg.v6),
			command.List("only", "", "RESULT,...", "only with these results: "+strings.Join(results[1:], ", "), parseResult, &cfg.only),
			command.Bool("failed", "", "only failed attempts: any result but established", &cfg.failed),
		},
		Examples: []command.Example{
			{Line: "tcpconnect", What: "all attempts"},
			{Line: "tcpconnect -t -U", What: "with time and user id"},
			{Line: "tcpconnect -p 1234", What: "only of process 1234"},
			{Line: "tcpconnect -P 80,443", What: "only to ports 80 and 443"},
			{Line: "tcpconnect --net 10.0.0.0/8 --not-port 53", What: "into a network, but for DNS"},
			{Line: "tcpconnect --result", What: "what became of them, and how long it took"},
			{Line: "tcpconnect --failed --result", What: "only what failed, and why"},
			{Line: "tcpconnect -d", What: "with the names that were asked for"},
			{Line: "tcpconnect -c", What: "count by addresses and port"},
			{Line: "tcpconnect --only timeout,refused --json | jq .daddr", What: "for a pipeline"},
			{Line: "tcpconnect --check", What: "what works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return output.Schema("tcpconnect", schemaVersion, fields) },
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("tcpconnect", modes()) },
		},
		Run: func(ctx context.Context, env *command.Env) error {
			if err := cfg.check(); err != nil {
				return err
			}
			return newTool(cfg, env).Run(ctx, env)
		},
	}
}

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	names := hooks(&config{dns: true})
	return []trace.Mode{
		{Name: "default", Needs: trace.BaseNeeds(), Hooks: hooks(&config{})},
		{Name: "-d", Needs: append(trace.BaseNeeds(), names[len(names)-1].Rungs[0].Needs...), Hooks: names},
	}
}

// check says what is wrong with flags that are right each by itself, and
// resolves --failed.
func (cfg *config) check() error {
	if cfg.v4 && cfg.v6 {
		return command.Usagef("-4 and -6: give one of them, or none for both")
	}
	if cfg.dns && cfg.count {
		return command.Usagef("-d and -c: an address may have had several names while it was counted; give one of them")
	}
	if cfg.failed {
		if len(cfg.only) > 0 {
			return command.Usagef("--failed and --only: give one of them")
		}
		for r := range uint8(len(results)) {
			if r != resultNone && r != resultEstablished {
				cfg.only = append(cfg.only, r)
			}
		}
	}
	return nil
}

// ports reports whether source ports are asked for. They are chosen after the
// attempt has begun.
func (cfg *config) ports() bool { return cfg.lport || cfg.sport }

// waits reports whether events wait for their outcome.
func (cfg *config) waits(format string) bool {
	return cfg.ports() || cfg.result || len(cfg.only) > 0 || format != "table" && !cfg.count
}

func newTool(cfg *config, env *command.Env) *trace.Tool[event] {
	t := &trace.Tool[event]{
		Object:  _BpfBytes,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, env.Format) },
		Hooks:   hooks(cfg),
		Needs:   trace.BaseNeeds(),
		Decode:  decoder(),
		Fields:  fields,
		Columns: columns(cfg),
	}
	if len(cfg.only) > 0 {
		// What has no outcome yet when tracing ends has none of these.
		t.Keep = func(e *event) bool { return slices.Contains(cfg.only, e.Result) }
	}
	if cfg.dns {
		t.Remark = dns.Remark
	}
	if cfg.count {
		t.Totals = totals(cfg)
	}
	// What has no outcome is an event, or filtered; else it is in the totals.
	if cfg.waits(env.Format) && (!cfg.count || t.Keep != nil) {
		t.Unfinished = unfinished
	}
	return t
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, format string) error {
	version, wanted := uint8(0), ^uint32(0)
	switch {
	case cfg.v4:
		version = 4
	case cfg.v6:
		version = 6
	}
	if len(cfg.only) > 0 {
		wanted = 0
		for _, r := range cfg.only {
			wanted |= 1 << r
		}
	}
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_outcome", cfg.waits(format)},
		{"want_container", format != "table" && !cfg.count},
		{"want_counts", cfg.count},
		{"count_sport", cfg.ports()},
		{"want_results", wanted},
		{"want_version", version},
		{"filter_by_port", len(cfg.port) > 0},
		{"filter_by_not_port", len(cfg.notPort) > 0},
		{"filter_by_net", len(cfg.net) > 0},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	fill(spec.Maps["ports"], cfg.port)
	fill(spec.Maps["not_ports"], cfg.notPort)
	var nets []netKey
	for _, p := range cfg.net {
		nets = append(nets, keyOf(p))
	}
	fill(spec.Maps["nets"], nets)
	// A map's size is charged whether or not it is used.
	if !cfg.waits(format) {
		spec.Maps["pending"].MaxEntries = 1
	}
	if cfg.count {
		spec.Maps["counts"].MaxEntries = countsMax
	}
	return nil
}

// countsMax is COUNTS_MAX.
const countsMax = 10240

// fill makes a map a set of keys.
func fill[K any](m *ebpf.MapSpec, keys []K) {
	m.MaxEntries = uint32(max(len(keys), 1))
	m.Contents = nil
	for _, k := range keys {
		m.Contents = append(m.Contents, ebpf.MapKV{Key: k, Value: uint8(1)})
	}
}

// netKey is struct net_key of tcpconnect.h.
type netKey struct {
	PrefixLen uint32
	Version   uint8
	Addr      [16]uint8
	Pad       [3]uint8
}

// versionBits are those of netKey.Version, which stands before the address.
const versionBits = 8

func keyOf(p netip.Prefix) netKey {
	k := netKey{PrefixLen: uint32(versionBits + p.Bits()), Version: 6}
	if p.Addr().Is4() {
		k.Version = 4
	}
	copy(k.Addr[:], p.Addr().AsSlice())
	return k
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("want port numbers from 1 to 65535")
	}
	return uint16(n), nil
}

// parsePrefix reads a network, or an address as a network of one. ::ffff:a.b.c.d
// is IPv4 here as in events.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("want networks such as 10.0.0.0/8 or fd00::/8, or addresses")
	}
	const mappedBits = 96
	if p.Addr().Is4In6() && p.Bits() >= mappedBits {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
	}
	return p.Masked(), nil
}

func parseResult(s string) (uint8, error) {
	i := slices.Index(results[1:], s)
	if i < 0 {
		return 0, fmt.Errorf("want one or more of %s", strings.Join(results[1:], ", "))
	}
	return uint8(i + 1), nil
}
