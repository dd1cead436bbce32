package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// installPeers installs the packages that are missing, and says so.
func installPeers(ctx context.Context, packages []string) error {
	var missing []string
	for _, p := range packages {
		if packageVersion(p) == "" {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintln(os.Stderr, "bench: installing the peers and what they trace:", strings.Join(missing, " "))
	args := append([]string{"install", "-y", "-q", "--no-install-recommends"}, missing...)
	if err := apt(ctx, args...); err == nil {
		return nil
	}
	// The lists may be missing or too old; with new ones it may work.
	if err := apt(ctx, "update", "-q"); err != nil {
		return err
	}
	return apt(ctx, args...)
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// packageVersion is empty if the package is not installed.
func packageVersion(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name).Output()
	if err != nil {
		return ""
	}
	version, ok := strings.CutPrefix(string(out), "installed ")
	if !ok {
		return ""
	}
	return version
}
