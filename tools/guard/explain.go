package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// explainConfig is what the flags of guard explain say: a task and an operation.
type explainConfig struct {
	exe       string
	ancestors []string
	user      string
	cgroup    string
	container string

	open, exec, load, connect, bind, mount, setuid, socket string

	access   policy.Access
	own      bool
	fileless bool
	noArgs   bool
	proto    policy.Proto
	fstype   string
	target   string
	via      policy.Via
	format   string
	root     string
	quiet    bool
}

func explainCommand() *command.Command {
	cfg := &explainConfig{access: policy.Read, proto: policy.TCP, via: policy.ViaSetuid}
	return &command.Command{
		Name:      "explain",
		Summary:   "tell what policies say of an operation, and which rule decides, without a privilege",
		Arguments: "FILE...",
		Description: `Who: --exe, and --uid, --cgroup, --container, --ancestor as subjects ask for them.
What: one of --open, --exec, --load, --connect, --bind, --mount, --setuid, --socket.
Links in paths are followed as on this machine. Files count by their paths: another
name of the same file is another file here, and the same to guard run.`,
		Common: []string{"json"},
		Flags: []command.Flag{
			command.Text("exe", "e", "PATH", "the program that does it", &cfg.exe),
			command.Texts("ancestor", "", "PATH", "a program that it descends from; repeatable", &cfg.ancestors),
			command.Text("uid", "u", "USER", "the user who runs it, by name or number (0)", &cfg.user),
			command.Text("cgroup", "c", "PATH", "its cgroup v2 directory, from the root of the hierarchy", &cfg.cgroup),
			command.Text("container", "", "ID", "its container", &cfg.container),

			command.Text("open", "", "FILE", "it uses this file", &cfg.open),
			command.Parsed("access", "", "LIST", "how: read, write, create, delete, attr (read)", &cfg.access, policy.ParseAccess),
			command.Bool("own", "", "the file belongs to the user", &cfg.own),
			command.Text("exec", "", "FILE", "it executes this file", &cfg.exec),
			command.Text("load", "", "FILE", "it maps this file as code, such as a library", &cfg.load),
			command.Bool("fileless", "", "with --exec: it has no name, as a memfd has none", &cfg.fileless),
			command.Bool("no-args", "", "with --exec: the list of arguments is empty", &cfg.noArgs),
			command.Text("connect", "", "ADDR:PORT", "it connects or sends there; or /PATH or @NAME of a Unix socket", &cfg.connect),
			command.Text("bind", "", "ADDR:PORT", "it binds or listens there; or /PATH or @NAME of a Unix socket", &cfg.bind),
			command.Parsed("proto", "", "tcp|udp|other", "by this protocol (tcp)", &cfg.proto, policy.ParseProto),
			command.Text("mount", "", "OP", "it does this: new, bind, move, remount, umount, pivot, propagation", &cfg.mount),
			command.Text("fstype", "", "TYPE", "with --mount: of this file system", &cfg.fstype),
			command.Text("target", "", "PATH", "with --mount: in this place", &cfg.target),
			command.Text("setuid", "", "USER", "it gets this user or group id, by name or number; - for none", &cfg.setuid),
			command.Parsed("via", "", "WAY", "with --setuid: setuid, setgid, setgroups, exec, userns, capset (setuid)", &cfg.via, policy.ParseVia),
			command.Text("socket", "", "FAMILY[/TYPE]", "it creates a socket: inet/stream, packet/raw (type: stream)", &cfg.socket),

			command.Choice("output", "o", []string{"text", "json"}, "format of the answer", &cfg.format),
			command.Bool("quiet", "q", "print nothing; the exit status is the answer", &cfg.quiet),
			command.Text("root", "", "PATH", "follow links and look for users below this directory, not /", &cfg.root),
		},
		ExitCodes: "0 explained; with --quiet, 0 allowed, 1 denied; 2 a wrong flag or policy",
		Examples: []command.Example{
			{Line: "guard explain --exe /usr/bin/cat --open /etc/shadow web.yaml", What: "may it read?"},
			{Line: "guard explain --exe /usr/bin/vi --uid alice --open /etc/hosts --access write,attr web.yaml", What: "may it write?"},
			{Line: "guard explain --exe /usr/sbin/nginx --connect 192.0.2.1:443 web.yaml", What: "may it connect?"},
			{Line: "guard explain --exe /usr/sbin/nginx --bind [::]:53 --proto udp web.yaml", What: "may it bind?"},
			{Line: "guard explain --exe /bin/mount --mount bind --target /mnt web.yaml", What: "may it mount?"},
			{Line: "guard explain --exe /bin/su --uid 1000 --setuid root web.yaml", What: "may it become root?"},
			{Line: "guard explain -q --exe /bin/sh --exec /tmp/x web.yaml || echo denied", What: "for scripts"},
		},
		Run: cfg.run,
	}
}

func (cfg *explainConfig) run(_ context.Context, env *command.Env) error {
	if env.Format == "json" {
		cfg.format = "json"
	}
	files, err := filesOf(env)
	if err != nil {
		return err
	}
	if cfg.root == "" {
		cfg.root = "/"
	} else if _, err := os.Stat(cfg.root); err != nil {
		return command.Usagef("--root: %w", err)
	}
	system := policy.Root(cfg.root)
	op, err := cfg.operation(system)
	if err != nil {
		return err
	}
	policies, findings, err := readPolicies(files)
	if err != nil {
		return err
	}
	if findings == nil {
		findings = syntax(policy.ResolveIDs(policies, system.User, system.Group))
		for i := range findings {
			findings[i].Severity, findings[i].Code = policy.Warning, "no-such-user"
		}
	}
	tell(env, findings)
	if policies == nil {
		return answer{code: exitFindings}
	}
	v := policy.Explain(policies, op)
	if cfg.quiet {
		if v.Action == policy.Deny {
			return answer{code: command.ExitFailure}
		}
		return nil
	}
	r := newVerdict(op, v)
	if cfg.format == "json" {
		return writeJSON(env, r)
	}
	return r.text(env)
}

// follow returns where the links of a path lead on the machine that is asked.
func follow(system policy.System, flag, name string) (string, error) {
	if !path.IsAbs(name) {
		return "", command.Usagef("--%s: %q is no absolute path", flag, name)
	}
	target, err := system.Follow(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return "", command.Usagef("--%s: %w", flag, err)
	}
	return target, nil
}

// id reads a user or group id by name or number.
func id(text string, byName ...func(string) (uint32, error)) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n < 1<<32-1 {
		return uint32(n), nil
	}
	var err error
	for _, look := range byName {
		var n uint32
		if n, err = look(text); err == nil {
			return n, nil
		}
	}
	return 0, err
}
