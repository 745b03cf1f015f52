package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/doctor"
	"hookctl/server/host"
	"hookctl/server/mcp"
)

// registrations are the lines that register the server with the agents' programs that are known.
const registrations = `  Claude Code       claude mcp add hookctl -- hookctl mcp
  Codex             codex mcp add hookctl -- hookctl mcp
  Gemini CLI        gemini mcp add hookctl hookctl mcp
  VS Code           code --add-mcp '{"name":"hookctl","command":"hookctl","args":["mcp"]}'
  Cursor and others {"mcpServers":{"hookctl":{"command":"hookctl","args":["mcp"]}}}`

func newMCP(p *program) *cobra.Command {
	var filter string
	var write, channel bool
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve agents over the Model Context Protocol",
		Long: "Serve agents over the Model Context Protocol (MCP) on stdin and stdout. The agent's program starts it. Register it with:\n\n" +
			registrations + "\n\n" +
			"Without --write the tools only read. With it, setup and rotation still ask the user.\n\n" +
			"--channel pushes the events that --filter chooses into a session of Claude Code, at most one push in ten seconds, and\n" +
			"needs claude --dangerously-load-development-channels server:hookctl. An event stays offered until it is acknowledged.",
		Example: "  hookctl mcp\n  hookctl mcp --write\n  hookctl mcp --channel --filter type:ci_failure",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filter != "" && !channel {
				return usage(errors.New("--filter chooses what --channel pushes: give both"))
			}
			return p.serveMCP(cmd.Context(), mcp.Config{Write: write, Channel: channel, Filter: filter})
		},
	}
	addFilter(cmd, &filter)
	cmd.Flags().BoolVar(&write, "write", false, "also offer tools that change something")
	cmd.Flags().BoolVar(&channel, "channel", false, "push events into the session of the agent")
	return cmd
}

// serveMCP serves the agent on stdin and stdout. What people read goes to stderr.
func (p *program) serveMCP(ctx context.Context, config mcp.Config) error {
	if p.terminal {
		p.note("hookctl mcp talks to an agent's program on stdin and stdout; see how to register it: hookctl mcp --help")
	}
	if config.Channel {
		world, err := p.mcpWorld()
		if err == nil {
			_, err = world.ParseFilter(config.Filter)
		}
		if err != nil {
			return err
		}
	}
	config.Version, config.Failure = buildInfo().Version, failureOf
	config.Logger = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	config.Open = func(context.Context) (*mcp.World, error) { return p.mcpWorld() }
	return mcp.Run(ctx, config, io.NopCloser(p.in), nopCloser{p.out})
}

// nopCloser leaves stdout open: its writer remembers whether a write failed.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// mcpWorld is what the tools of one call work on, with the settings of that moment.
func (p *program) mcpWorld() (*mcp.World, error) {
	s, err := p.load()
	if err != nil {
		return nil, err
	}
	all := p.fleet(s)
	return &mcp.World{
		Logs: s.Logs(nil), Fleet: all, ParseFilter: func(text string) (logs.Filter, error) { return filterOf(s, text) },
		Doctor: func() (doctor.Report, *doctor.Config, error) {
			config, err := p.doctorConfig()
			if err != nil {
				return settingsReport(err), nil, nil
			}
			return doctor.Report{}, &config, nil
		},
		State: func(ctx context.Context) (doctor.State, error) {
			_, state, _, err := p.receiverState(ctx)
			return state, err
		},
		Explain: func(event string, payload []byte) (server.Explanation, error) {
			sample, err := host.NewSample(event, payload)
			if err != nil {
				return server.Explanation{}, usage(err)
			}
			return explained(s, sample)
		},
		Failure: func(ctx context.Context, run tasks.Run) (tasks.Failure, error) {
			client, err := all.GitHub()
			if err != nil {
				return tasks.Failure{}, err
			}
			ring, err := s.Store().Ring(time.Now())
			if err != nil {
				return tasks.Failure{}, err
			}
			return tasks.ReadFailure(ctx, client, run, true, ring.Redact)
		},
		Sync:      p.tasks(s),
		ApplySync: func(ctx context.Context, key string) (logs.Sync, error) { return p.applySync(ctx, s, key) },
		CatchUp:   p.catcherUp(s, all),
		Replay:    host.Dial(s.Home).Replay,
		Resend:    resender(s),
	}, nil
}
