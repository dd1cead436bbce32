package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// aptRoot is a complete apt of our own in the cache: sources, index and package
// cache. The machine's configuration is read for its proxy and credentials and
// never written, and a foreign architecture needs no "dpkg --add-architecture".
type aptRoot struct {
	dir, arch string
	logf      func(string, ...any)
	updated   bool
}

func newAptRoot(ctx context.Context, dir, arch string, suites []string, logf func(string, ...any)) (*aptRoot, error) {
	for _, tool := range []string{"apt-get", "apt-cache", "apt-config", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s not found: kernels are fetched with apt, so fetch them on a Debian machine and copy the cache", tool)
		}
	}
	m, err := hostMirror("/etc/apt")
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("make apt root: %w", err)
		}
	}
	var sources strings.Builder
	for _, s := range suites {
		fmt.Fprintf(&sources, "deb [signed-by=%s] %s %s main\n", m.Keyring, m.URI, s)
	}
	transport, err := hostTransport(ctx)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"etc/sources.list": sources.String(),
		"state/status":     "", // no package is installed here
		"apt.conf":         aptConf(dir, arch) + transport,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("write apt root: %w", err)
		}
	}
	return &aptRoot{dir: dir, arch: arch, logf: logf}, nil
}

func aptConf(dir, arch string) string {
	return fmt.Sprintf(`APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Sandbox::User "root"; // the cache may be below a home that _apt cannot enter
APT::Install-Recommends "false";
Dir::Etc "%[1]s/etc";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/state/status";
Dir::Cache "%[1]s/cache";
Dir::Log "%[1]s/log";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false"; // an archived release's index has expired
`, dir, arch)
}

// hostTransport copies how this machine reaches a mirror (proxies, timeouts,
// certificates), because APT_CONFIG with a private Dir::Etc hides it.
func hostTransport(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return "", fmt.Errorf("read the machine's apt configuration: %w", err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::http") || strings.HasPrefix(line, "Acquire::Retries") {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

// run calls one of apt's programs on the private root and returns its stdout.
func (a *aptRoot) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// APT_CONFIG is read before Dir::Etc's parts, so those are ours already.
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s (%s): %w\n%s", name, args[0], a.arch, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// update refreshes the index, once per process.
func (a *aptRoot) update(ctx context.Context) error {
	if a.updated {
		return nil
	}
	a.logf("reading the package index (%s)", a.arch)
	if _, err := a.run(ctx, a.dir, "apt-get", "-q", "update"); err != nil {
		return err
	}
	a.updated = true
	return nil
}

// search lists the names of packages that match a regular expression.
func (a *aptRoot) search(ctx context.Context, pattern string) ([]string, error) {
	out, err := a.run(ctx, a.dir, "apt-cache", "search", "--names-only", pattern)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names, nil
}

// offer is one line of apt-cache madison.
type offer struct{ Package, Version, Suite string }

func (a *aptRoot) offers(ctx context.Context, names ...string) ([]offer, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := a.run(ctx, a.dir, "apt-cache", append([]string{"madison"}, names...)...)
	if err != nil {
		return nil, err
	}
	return parseMadison(out), nil
}

// parseMadison reads lines of "package | version | uri suite/component arch Packages".
func parseMadison(out string) []offer {
	var list []offer
	for line := range strings.Lines(out) {
		col := strings.Split(line, "|")
		if len(col) != 3 {
			continue
		}
		where := strings.Fields(col[2])
		if len(where) != 4 || where[3] != "Packages" {
			continue
		}
		suite, _, _ := strings.Cut(where[1], "/")
		list = append(list, offer{strings.TrimSpace(col[0]), strings.TrimSpace(col[1]), suite})
	}
	return list
}

// closure lists packages of a suite and all that they depend on, as
// "name=version".
func (a *aptRoot) closure(ctx context.Context, suite string, names ...string) ([]string, error) {
	out, err := a.run(ctx, a.dir, "apt-get", append([]string{"-s", "-q", "-t", suite, "install"}, names...)...)
	if err != nil {
		return nil, err
	}
	list := parseSimulation(out)
	if len(list) == 0 {
		return nil, fmt.Errorf("resolve %s: apt-get would install nothing", strings.Join(names, " "))
	}
	return list, nil
}

// parseSimulation reads lines of "Inst name (version origin [arch])".
func parseSimulation(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "Inst" {
			continue
		}
		if version, ok := strings.CutPrefix(f[2], "("); ok {
			list = append(list, f[1]+"="+version)
		}
	}
	return list
}

// unpack downloads packages ("name=version") and extracts them all into dst.
func (a *aptRoot) unpack(ctx context.Context, dst string, packages ...string) error {
	tmp, err := os.MkdirTemp(a.dir, "deb-")
	if err != nil {
		return fmt.Errorf("download packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	a.logf("fetching %s (%s)", strings.Join(packages, " "), a.arch)
	if _, err := a.run(ctx, tmp, "apt-get", append([]string{"-q", "download"}, packages...)...); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != len(packages) {
		return fmt.Errorf("download packages: %d of %d arrived (%v)", len(debs), len(packages), err)
	}
	for _, deb := range debs {
		if _, err := a.run(ctx, tmp, "dpkg-deb", "-x", deb, dst); err != nil {
			return err
		}
	}
	return nil
}
