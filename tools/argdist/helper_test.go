package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/ringside-tools/ringside/internal/command"
)

// execute runs the command, which must not come to tracing.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	c.Run = func(_ context.Context, env *command.Env) error { return cfg.resolve(env) }
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

// configure parses flags.
func configure(t *testing.T, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	var got *command.Env
	c.Run = func(_ context.Context, env *command.Env) error { got = env; return cfg.resolve(env) }
	var out, err bytes.Buffer
	if code := c.Execute(t.Context(), args, &out, &err); code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, err.String())
	}
	return cfg, got
}
