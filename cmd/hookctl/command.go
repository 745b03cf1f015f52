package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

// call is one call of a command: its arguments, the settings of that moment, and how it prints.
type call struct {
	args     []string
	settings *settings.Settings
	out      *output // nil for a command that prints no data
}

// action makes cmd do something with the settings.
func (p *program) action(cmd *cobra.Command, do func(context.Context, call) error) *cobra.Command {
	return p.acting(cmd, p.load, nil, do)
}

// printing is action for a command that prints data: it has --json and --jq.
func (p *program) printing(cmd *cobra.Command, do func(context.Context, call) error) *cobra.Command {
	out := &output{}
	return p.acting(addOutputFlags(cmd, out), p.load, out, do)
}

// printingAnyway is printing for what works although a setting is wrong: it gets the settings of a home that has none.
func (p *program) printingAnyway(cmd *cobra.Command, do func(context.Context, call) error) *cobra.Command {
	out := &output{}
	return p.acting(addOutputFlags(cmd, out), p.defaults, out, do)
}

func (p *program) acting(cmd *cobra.Command, load func() (*settings.Settings, error), out *output, do func(context.Context, call) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := load()
		if err != nil {
			return err
		}
		return do(cmd.Context(), call{args: args, settings: s, out: out})
	}
	return cmd
}

func (p *program) load() (*settings.Settings, error)     { return settings.Load(p.environ) }
func (p *program) defaults() (*settings.Settings, error) { return settings.Defaults(p.environ) }

// said prints what came of a command: value as JSON where that is asked for, else a line for people.
func (p *program) said(out *output, value any, format string, args ...any) error {
	if out.wanted() {
		return out.print(p.out, value)
	}
	_, err := fmt.Fprintf(p.err, format+"\n", args...)
	return err
}
