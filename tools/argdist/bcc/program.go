package bcc

import (
	"fmt"
	"regexp"
	"strings"
)

// Options are what else goes into a program.
type Options struct {
	Histogram bool // of the last expression, by powers of two
	TextSize  int  // bytes of text
	Keys      int
	Headers   []string
	Self      uint32 // our own process, 0 for none
	PIDs      []uint32
	TID       uint32 // 0 for all
	ByUID     bool
	UID       uint32
	Comm      string // "" for all
}

// Names of what a program has.
const (
	Table    = "argdist_table"
	Counters = "argdist_counters" // in the order of gen.Counters
	Program  = "argdist_probe"
	Entry    = "argdist_entry" // of a pair
)

// Paired reports whether the program needs another one at the entry.
func (s *Specifier) Paired() bool {
	return s.Kind == 'r' && (strings.Contains(s.Text, "$latency") || strings.Contains(s.Text, "$entry"))
}

// C writes the program.
func (s *Specifier) C(o Options) string {
	w := &writer{s: s, o: o}
	body := w.body()
	var b strings.Builder
	b.WriteString("#include <uapi/linux/ptrace.h>\n#include <linux/sched.h>\n")
	for _, h := range o.Headers {
		if strings.HasPrefix(h, ".") || strings.HasPrefix(h, "/") {
			fmt.Fprintf(&b, "#include \"%s\"\n", h)
		} else {
			fmt.Fprintf(&b, "#include <%s>\n", h)
		}
	}
	b.WriteString("struct argdist_key_t {\n")
	for i := range s.keys(o) {
		if IsText(s.Types[i]) {
			fmt.Fprintf(&b, "\tchar v%d[%d];\n", i, Room(o.TextSize))
		} else {
			fmt.Fprintf(&b, "\tu64 v%d;\n", i)
		}
	}
	if o.Histogram {
		b.WriteString("\tu64 slot;\n")
	}
	fmt.Fprintf(&b, "};\nBPF_HASH(%s, struct argdist_key_t, u64, %d);\n", Table, o.Keys)
	b.WriteString("struct argdist_counters_t { u64 seen, counted, filtered, fault, divide, no_entry, full, no_stack, no_room; };\n")
	fmt.Fprintf(&b, "BPF_PERCPU_ARRAY(%s, struct argdist_counters_t, 1);\n", Counters)
	if s.Paired() {
		b.WriteString(w.entry())
	}
	b.WriteString(strings.Join(w.helpers, "") + body)
	return b.String()
}

// Room is what text takes in a key.
func Room(size int) int { return (size + 7) / 8 * 8 }

// keys are how many expressions make the key.
func (s *Specifier) keys(o Options) int {
	if o.Histogram {
		return len(s.Exprs) - 1
	}
	return len(s.Exprs)
}

type writer struct {
	s       *Specifier
	o       Options
	helpers []string // functions that compare text
	saved   []string // parameters that the entry keeps
}

// declared is the type of a parameter, long if the signature does not have it.
func (w *writer) declared(name string) string {
	for _, p := range w.s.Params {
		if p.Name == name {
			return p.Type
		}
	}
	return "long"
}

func (w *writer) params() string {
	out := "struct pt_regs *ctx"
	for _, p := range w.s.Params {
		out += ", " + p.Type + " " + p.Name
	}
	return out
}

var (
	entryAlias = regexp.MustCompile(`\$entry\(\s*(\w+)\s*\)`)
	comparison = regexp.MustCompile(`STRCMP\(\s*"((?:[^"\\]|\\.)*)"\s*,\s*(\$?\w*)`)
)

// c replaces what is not C.
func (w *writer) c(expr string) string {
	expr = entryAlias.ReplaceAllStringFunc(expr, func(m string) string {
		name := entryAlias.FindStringSubmatch(m)[1]
		w.save(name)
		return "argdist_saved_" + name
	})
	expr = comparison.ReplaceAllStringFunc(expr, func(m string) string {
		found := comparison.FindStringSubmatch(m)
		return w.compare(found[1], w.reader(found[2])) + "((u64)" + found[2]
	})
	return strings.NewReplacer("$retval", "PT_REGS_RC(ctx)", "$latency", "argdist_latency", "$PID", "argdist_pid",
		"$TID", "argdist_tid", "$UID", "((u32)bpf_get_current_uid_gid())", "$COMM", "argdist_comm").Replace(expr)
}

func (w *writer) save(name string) {
	for _, s := range w.saved {
		if s == name {
			return
		}
	}
	w.saved = append(w.saved, name)
}

// compare is a function that tells whether text begins with a literal.
func (w *writer) compare(literal, reader string) string {
	name := fmt.Sprintf("argdist_begins_%d", len(w.helpers))
	quoted := `"` + literal + `"`
	w.helpers = append(w.helpers, fmt.Sprintf(`static inline bool %[1]s(u64 at) {
	char want[] = %[2]s;
	char is[sizeof(want)] = {};
	%[3]s(is, sizeof(is), (void *)at);
	for (int i = 0; i < sizeof(want) - 1; i++)
		if (is[i] != want[i])
			return false;
	return true;
}
`, name, quoted, reader))
	return name
}

// reader is the helper that reads text: of a process where the probe is in one, or its
// parameter says so.
func (w *writer) reader(expr string) string {
	user := w.s.Library != ""
	if w.s.Kind == 't' {
		user = w.s.Library == "syscalls"
	}
	for _, p := range w.s.Params {
		user = user || p.Name == expr && strings.Contains(p.Type, "__user")
	}
	if user && expr != "$COMM" {
		return "bpf_probe_read_user_str"
	}
	return "bpf_probe_read_kernel_str"
}

// sieve leaves what is not to be counted; n is what counts it, "" for nothing.
func (w *writer) sieve(filtered string) string {
	out := "\tu64 argdist_task = bpf_get_current_pid_tgid();\n\tu32 argdist_pid = argdist_task >> 32, argdist_tid = argdist_task;\n"
	if w.o.Self != 0 {
		out += fmt.Sprintf("\tif (argdist_pid == %d)\n\t\treturn 0;\n", w.o.Self)
	}
	out += "\tint argdist_zero = 0;\n\tstruct argdist_counters_t *argdist_n = " + Counters + ".lookup(&argdist_zero);\n\tif (!argdist_n)\n\t\treturn 0;\n"
	if filtered != "" {
		out += "\targdist_n->seen++;\n"
	}
	unless := func(condition string) {
		out += "\tif (!(" + condition + ")) {\n" + filtered + "\t\treturn 0;\n\t}\n"
	}
	if len(w.o.PIDs) > 0 {
		var any []string
		for _, pid := range w.o.PIDs {
			any = append(any, fmt.Sprintf("argdist_pid == %d", pid))
		}
		unless(strings.Join(any, " || "))
	}
	if w.o.TID != 0 {
		unless(fmt.Sprintf("argdist_tid == %d", w.o.TID))
	}
	if w.o.ByUID {
		unless(fmt.Sprintf("(u32)bpf_get_current_uid_gid() == %du", w.o.UID))
	}
	out += "\tchar argdist_comm[16] = {};\n\tbpf_get_current_comm(argdist_comm, sizeof(argdist_comm));\n"
	if w.o.Comm != "" {
		var all []string
		for i, c := range append([]byte(w.o.Comm), 0) {
			all = append(all, fmt.Sprintf("argdist_comm[%d] == (char)%d", i, c))
		}
		unless(strings.Join(all, " && "))
	}
	return out
}

// entry is the program at the entry, and the map by which it tells the return.
func (w *writer) entry() string {
	out := "struct argdist_entry_t {\n\tu64 started;\n"
	keep := ""
	for _, name := range w.saved {
		out += fmt.Sprintf("\t%s %s;\n", strings.ReplaceAll(w.declared(name), "__user", ""), "saved_"+name)
		keep += fmt.Sprintf("\targdist_e.saved_%s = %s;\n", name, name)
	}
	return out + "};\nBPF_TABLE(\"lru_hash\", u64, struct argdist_entry_t, argdist_entries, 16384);\n" +
		"int " + Entry + "(" + w.params() + ") {\n" + w.sieve("") +
		"\tstruct argdist_entry_t argdist_e = {};\n" + keep + "\targdist_e.started = bpf_ktime_get_ns();\n\targdist_entries.update(&argdist_task, &argdist_e);\n\treturn 0;\n}\n"
}

// body is the program that gathers.
func (w *writer) body() string {
	s := w.s
	var out strings.Builder
	switch s.Kind {
	case 't':
		fmt.Fprintf(&out, "TRACEPOINT_PROBE(%s, %s) {\n", s.Library, s.Function)
	case 'r':
		fmt.Fprintf(&out, "int %s(struct pt_regs *ctx) {\n", Program)
	default:
		fmt.Fprintf(&out, "int %s(%s) {\n", Program, w.params())
	}
	filter := w.c(s.Filter)
	exprs := make([]string, len(s.Exprs))
	for i, e := range s.Exprs {
		exprs[i] = w.c(e)
	}
	now := ""
	if s.Paired() {
		now = "\tu64 argdist_now = bpf_ktime_get_ns();\n"
	}
	out.WriteString(now + w.sieve("\t\targdist_n->filtered++;\n"))
	if s.Paired() {
		out.WriteString("\tstruct argdist_entry_t *argdist_e = argdist_entries.lookup(&argdist_task);\n\tif (!argdist_e) {\n\t\targdist_n->no_entry++;\n\t\treturn 0;\n\t}\n" +
			"\tu64 argdist_latency = argdist_now - argdist_e->started;\n")
		for _, name := range w.saved {
			typ := strings.ReplaceAll(w.declared(name), "__user", "")
			fmt.Fprintf(&out, "\t%s argdist_saved_%s = argdist_e->saved_%s;\n", typ, name, name)
		}
		out.WriteString("\targdist_entries.delete(&argdist_task);\n")
	}
	if filter != "" {
		fmt.Fprintf(&out, "\tif (!(%s)) {\n\t\targdist_n->filtered++;\n\t\treturn 0;\n\t}\n", filter)
	}
	out.WriteString("\tstruct argdist_key_t argdist_key = {};\n")
	for i := range s.keys(w.o) {
		switch {
		case !IsText(s.Types[i]):
			fmt.Fprintf(&out, "\targdist_key.v%d = (s64)(%s)(%s);\n", i, s.Types[i], exprs[i])
		case s.Exprs[i] == "$COMM":
			fmt.Fprintf(&out, "\t__builtin_memcpy(argdist_key.v%d, argdist_comm, %d);\n", i, min(16, w.o.TextSize))
		default:
			fmt.Fprintf(&out, "\tif (%s(argdist_key.v%d, %d, (void *)(%s)) < 0) {\n\t\targdist_n->fault++;\n\t\treturn 0;\n\t}\n",
				w.reader(s.Exprs[i]), i, w.o.TextSize, exprs[i])
		}
	}
	if w.o.Histogram {
		last := len(exprs) - 1
		fmt.Fprintf(&out, "\t%[1]s argdist_value = (%[1]s)(%[2]s);\n"+
			"\tif ((%[1]s)-1 < 0 && argdist_value < 0)\n\t\targdist_key.slot = -(s64)bpf_log2l(-(s64)argdist_value);\n"+
			"\telse\n\t\targdist_key.slot = bpf_log2l(argdist_value);\n", s.Types[last], exprs[last])
	}
	out.WriteString("\tu64 argdist_none = 0, *argdist_count = " + Table + ".lookup_or_try_init(&argdist_key, &argdist_none);\n" +
		"\tif (!argdist_count) {\n\t\targdist_n->full++;\n\t\treturn 0;\n\t}\n" +
		"\t__sync_fetch_and_add(argdist_count, 1);\n\targdist_n->counted++;\n\treturn 0;\n}\n")
	return out.String()
}

// Tracepoint is the name of a tracepoint's program, and of the tracepoint.
func (s *Specifier) Tracepoint() (program, name string) {
	return "tracepoint__" + s.Library + "__" + s.Function, s.Library + ":" + s.Function
}

// Shown is an expression as it is printed: $entry(x) is x.
func Shown(expr string) string { return entryAlias.ReplaceAllString(expr, "$1") }

// Signed reports whether a type of C is signed by its name; named finds what typedefs
// stand for.
func Signed(typ string, named func(string) (signed, ok bool)) bool {
	if strings.Contains(typ, "*") {
		return false
	}
	if signed, ok := named(strings.Join(strings.Fields(typ), " ")); ok {
		return signed
	}
	return !strings.Contains(" "+typ, " unsigned")
}
