package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// Modes.
const (
	modeText   = "text"
	modeKeylog = "keylog"
	modePcapng = "pcapng"
)

// config is what the flags say.
type config struct {
	mode       string
	libs       []string
	exes       []string
	list       bool
	hex        bool
	raw        bool
	maxBytes   int
	keylogFile string
	pcapFile   string
	interfaces []string
	snaplen    int
	reason     string
	buffer     uint32

	// What resolve makes of them, for --mode pcapng.
	found  []netInterface
	all    bool // of those that are up
	filter *pcap.Filter
}

// wantsSecrets reports whether secrets are captured, and not what is said.
func (cfg *config) wantsSecrets() bool { return cfg.mode != modeText }

// maxSnaplen is PACKET_MAX: 64 KiB, and what a link puts before.
const maxSnaplen = 65664

// defaultBuffer holds what a busy second of TLS carries: the usual megabyte is less than
// one large write.
const defaultBuffer = 16 << 20

func newCommand() *command.Command { return commandOf(&config{buffer: defaultBuffer}) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	cfg.buffer = defaultBuffer
	return &command.Command{
		Name:    "tlscap",
		Summary: "capture what is said inside TLS, by any process, without a certificate",
		Description: `What programs hand to OpenSSL, GnuTLS, NSS, crypto/tls of Go and rustls, and get
from them, in the clear: with process, library, direction, connection and length.
With --mode keylog, the secrets of their connections, for Wireshark; with
--mode pcapng, packets and these secrets in one file, which Wireshark and
tshark decrypt as it is.`,
		Flags: []command.Flag{
			command.Choice("mode", "", []string{modeText, modeKeylog, modePcapng}, "what to capture: what is said, the secrets of connections, or packets with these", &cfg.mode),
			command.Texts("lib", "", "PATH", "this library, and none that is found; repeatable", &cfg.libs),
			command.Texts("exe", "", "PATH", "this program with a library linked in, and none that is found; repeatable", &cfg.exes),
			command.Bool("list", "", "print the libraries that are found, with what can be captured of each, and exit", &cfg.list),
			command.Bool("raw", "", "the bytes of each call as they are, and no HTTP", &cfg.raw),
			command.Bool("hex", "", "in the table, bytes as a hex dump", &cfg.hex),
			command.Int("max-bytes", "", "N", "at most N bytes of each call; the true length is told", 1, 1<<30, &cfg.maxBytes),
			command.Text("keylog-file", "", "FILE", "with --mode keylog: append the secrets to this file, which only its owner can read", &cfg.keylogFile),
			command.Text("pcap-file", "", "FILE", "with --mode pcapng: the new file for packets and secrets, which only its owner can read; - for stdout", &cfg.pcapFile),
			command.Texts("interface", "i", "IFACE", "with --mode pcapng: packets of this interface; repeatable; any (the default): all, also later ones", &cfg.interfaces),
			command.Int("snaplen", "s", "N", "with --mode pcapng: at most N bytes of each packet; the true length is told", 64, maxSnaplen, &cfg.snaplen),
			command.Text("reason", "", "TEXT", "why; it is recorded in the system log with the rest of the use", &cfg.reason),
			command.Size("buffer", "", "size of the ring (16M)", 256<<10, 1<<30, &cfg.buffer),
		},
		Common: []string{"pid", "follow", "uid", "comm", "cgroup", "container", "mntns", "cgroupmap", "mntnsmap",
			"output", "json", "count", "duration", "quiet", "verbose", "check", "btf", "rung", "fail-on-loss", "version"},
		Arguments: "[COMMAND ARG... | FILTER] [-- COMMAND ARG...]",
		Examples: []command.Example{
			{Line: "tlscap", What: "what all programs say"},
			{Line: "tlscap --list", What: "which libraries there are, and who uses them"},
			{Line: "tlscap -p 4567 --follow", What: "one process and its children"},
			{Line: "tlscap curl -s https://localhost/", What: "run a program and see what it says"},
			{Line: "tlscap --hex --max-bytes 64", What: "the beginning of each call, as a hex dump"},
			{Line: "tlscap --json | jq -r 'select(.op == \"write\") | .data'", What: "for a pipeline"},
			{Line: "tlscap --mode keylog --keylog-file FILE", What: "secrets, for Wireshark"},
			{Line: "tlscap --mode pcapng -i lo --pcap-file FILE tcp port 443", What: "packets and secrets"},
			{Line: "tlscap --mode pcapng -p 4567 --pcap-file - | tshark -i -", What: "decrypted as they come"},
			{Line: "tlscap --mode pcapng --pcap-file FILE -- curl -s https://localhost/", What: "of one program"},
			{Line: "tlscap --check", What: "what works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return output.Schema("tlscap", schemaVersion, fields) },
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("tlscap", modes()) },
		},
		Run: func(ctx context.Context, env *command.Env) error {
			env.Buffer = cfg.buffer
			if err := cfg.resolve(env); err != nil {
				return err
			}
			if cfg.list {
				return list(cfg, env)
			}
			tool, err := newTool(cfg, env)
			if err != nil {
				return err
			}
			if env.Check {
				return tool.Run(ctx, env)
			}
			a := openAudit(env)
			a.start(cfg)
			err = tool.Run(ctx, env)
			a.stop(err)
			return err
		},
	}
}

// resolve says what is wrong with flags that are right each by itself.
func (cfg *config) resolve(env *command.Env) error {
	if err := cfg.resolvePackets(env); err != nil {
		return err
	}
	switch {
	case cfg.mode == modeKeylog && cfg.keylogFile == "" && !cfg.list:
		return command.Usagef("--mode keylog: needs --keylog-file, where the secrets go")
	case cfg.mode != modeKeylog && cfg.keylogFile != "":
		return command.Usagef("--keylog-file: is for --mode keylog")
	case cfg.hex && env.Format != "table":
		return command.Usagef("--hex: is for the table: JSON and CSV have bytes as base64")
	case cfg.raw && cfg.mode != modeText:
		return command.Usagef("--raw: is for --mode text")
	case cfg.hex && cfg.mode != modeText:
		return command.Usagef("--hex: is for --mode text")
	case cfg.maxBytes > 0 && cfg.mode != modeText:
		return command.Usagef("--max-bytes: is for --mode text")
	}
	return nil
}

// resolvePackets is resolve for --mode pcapng, of which arguments are a filter, and behind -- a command.
func (cfg *config) resolvePackets(env *command.Env) (err error) {
	switch {
	case cfg.mode == modePcapng && cfg.list:
		return nil
	case cfg.mode == modePcapng && cfg.pcapFile == "":
		return command.Usagef("--mode pcapng: needs --pcap-file, where packets and secrets go; - for stdout")
	case cfg.mode == modePcapng && cfg.pcapFile == pcapStdout && env.Format != "table":
		return command.Usagef("--output %s: stdout has the packets", env.Format)
	case cfg.mode == modePcapng:
	case cfg.pcapFile != "":
		return command.Usagef("--pcap-file: is for --mode pcapng")
	case len(cfg.interfaces) > 0:
		return command.Usagef("--interface: is for --mode pcapng")
	case cfg.snaplen > 0:
		return command.Usagef("--snaplen: is for --mode pcapng")
	default:
		return nil
	}
	if cfg.snaplen == 0 {
		cfg.snaplen = maxSnaplen
	}
	filter := env.Args
	switch i := slices.Index(env.Args, dashes); {
	case env.Dashes:
		filter = nil
	case i >= 0:
		filter, env.Args, env.Dashes = env.Args[:i], env.Args[i+1:], true
	default:
		env.Args = nil
	}
	if env.Dashes && len(env.Args) == 0 {
		return command.Usagef("%s: a command is wanted behind it", dashes)
	}
	if cfg.filter, err = pcap.Compile(strings.Join(filter, " ")); err != nil {
		return &command.UsageError{Err: err}
	}
	if len(cfg.interfaces) == 0 {
		cfg.interfaces = []string{anyInterface}
	}
	cfg.all = slices.Equal(cfg.interfaces, []string{anyInterface})
	if cfg.found, err = findInterfaces(cfg.interfaces); err != nil {
		return &command.UsageError{Err: fmt.Errorf("--interface: %w", err)}
	}
	return nil
}

// dashes stand between a filter and a command.
const dashes = "--"

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	var out []trace.Mode
	for _, cfg := range []*config{{mode: modeText}, {mode: modeKeylog}, {mode: modePcapng}} {
		out = append(out, trace.Mode{Name: "--mode " + cfg.mode, Needs: needs(cfg), Hooks: hooks(cfg, new(chosen))})
	}
	return out
}

func needs(cfg *config) []preflight.Need {
	needs := []preflight.Need{
		{Cap: preflight.BPF, Why: "load BPF programs and make maps"},
		{Cap: preflight.Perfmon, Why: "attach them to libraries and tracepoints, also of processes that start later", Running: true},
	}
	if len(cfg.libs)+len(cfg.exes) == 0 {
		needs = append(needs, preflight.Need{Cap: preflight.SysPtrace, Why: "find the libraries of other users' processes", Running: true})
	}
	if cfg.mode == modePcapng {
		needs = append(needs, preflight.Need{Cap: preflight.NetAdmin, Why: "put programs on the packets of interfaces"})
	}
	return needs
}

func newTool(cfg *config, env *command.Env) (*trace.Tool[event], error) {
	c := new(chosen)
	a := newAttacher(cfg, env, c)
	d := &decoder{probes: &a.probes, discovery: a.discovery}
	t := &trace.Tool[event]{
		Object:  _BpfBytes,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, a) },
		Hooks:   hooks(cfg, c),
		Needs:   needs(cfg),
		Attach:  a.attach,
		Decode:  d.decode,
		Expand:  lines(env.Format),
		Fields:  fields,
		Columns: columns(cfg),
		Below:   below(cfg),
	}
	if cfg.mode == modeText && !cfg.raw && !cfg.hex {
		m := newMessages(&d.connections, t.Expand)
		d.connections.ended = m.close
		t.Expand, t.Rest = m.expand, m.rest
	}
	if cfg.mode == modeText {
		d.waiting = &waitingPieces{next: t.Expand}
		t.Expand, t.Rest = d.waiting.expand, d.waiting.rest(t.Rest)
	}
	if d.waiting != nil {
		t.Attach = func(k *preflight.Kernel, l *loader.Loaded) error {
			d.waiting.blind = l.Programs["sock_sent"] == nil && l.Programs["send_asked"] == nil && l.Programs["call_begins"] == nil
			return a.attach(k, l)
		}
	}
	switch {
	case env.Check:
	case cfg.mode == modePcapng:
		p, err := newCapture(cfg, env)
		if err != nil {
			return nil, &command.UsageError{Err: err}
		}
		d.capture = p
		t.Keep, t.Ended, t.Remark, t.Expand, t.Rest, t.Late = p.keep, p.ended, p.remark, p.expand, p.rest, p.late
		t.Attach = func(k *preflight.Kernel, l *loader.Loaded) error {
			p.maps = l.Maps
			if err := a.attach(k, l); err != nil || !cfg.all {
				return err
			}
			return p.watch(env, l, c.packets)
		}
	case cfg.mode == modeKeylog:
		k, err := openKeylog(cfg.keylogFile)
		if err != nil {
			return nil, &command.UsageError{Err: err}
		}
		t.Keep, t.Ended, t.Remark, t.Expand = k.keep, k.ended, k.remark, nil
	}
	return t, nil
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, a *attacher) error {
	a.asking = make(map[string]*ebpf.ProgramSpec)
	for _, name := range asks {
		a.asking[name] = spec.Programs[name].Copy()
	}
	netns, err := ownNamespace()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_text", cfg.mode == modeText},
		{"want_keylog", cfg.wantsSecrets()},
		{"max_bytes", uint32(cfg.maxBytes)},
		{"want_packets", cfg.mode == modePcapng},
		{"packets_by_process", byProcess(a.env)},
		{"filter_packets", cfg.mode == modePcapng && cfg.filter.Code() != nil},
		{"snaplen", uint32(cfg.snaplen)},
		{"own_netns", netns},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	for _, name := range cfg.unfilled() {
		spec.Maps[name].MaxEntries = 1
	}
	if cfg.mode == modePcapng {
		return setFilter(spec, cfg.filter.Code())
	}
	return nil
}

// unfilled are the maps that nothing is put into in this mode. The kernel makes room for
// all entries of a map at the start: owners alone are megabytes.
func (cfg *config) unfilled() (names []string) {
	if cfg.mode != modePcapng {
		names = append(names, "owners", "openings", "packet_interfaces")
	}
	if !cfg.wantsSecrets() {
		names = append(names, "layouts", "deriving")
	}
	return names
}
