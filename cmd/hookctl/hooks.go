package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
)

func newHooks(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hooks",
		Short:   "List, view, edit, ping and delete hooks at GitHub",
		Example: "  hookctl hooks list\n  hookctl hooks ping 12345678 -R owner/repo\n  hookctl hooks redeliver --missed",
		Aliases: []string{"hook"},
	}
	cmd.AddCommand(
		newHooksList(p), newHooksView(p), newHooksEdit(p), newHooksSwitch(p, true), newHooksSwitch(p, false),
		newHooksPing(p), newHooksTest(p), newHooksDelete(p), newHooksForget(p), newHooksDeliveries(p), newHooksRedeliver(p), newHooksEvents(p),
	)
	return cmd
}

// atGitHub is the fleet of the settings once there is a login at GitHub, as every command about hooks begins.
func (p *program) atGitHub(s *settings.Settings) (*fleet.Fleet, error) {
	all := p.fleet(s)
	_, err := all.GitHub()
	return all, err
}

func newHooksList(p *program) *cobra.Command {
	var f targetFlags
	cmd := p.printing(&cobra.Command{
		Use:   "list",
		Short: "List hooks at GitHub",
		Long:  "List the hooks of the given repositories, or of all that were set up.",
		Example: `  hookctl hooks list -R owner/repo
  hookctl hooks list --owner octo-org --json --jq '.[].url'`,
		Aliases: []string{"ls"},
	}, func(ctx context.Context, c call) error {
		all, err := p.atGitHub(c.settings)
		if err != nil {
			return err
		}
		targets, err := p.chosenTargets(ctx, all, &f)
		if err != nil {
			return err
		}
		list, err := all.List(ctx, fleet.ListRequest{Targets: targets})
		if err = errors.Join(err, list.Err()); err != nil && len(list.Hooks) == 0 {
			return err
		}
		return errors.Join(printList(p, c.out, list, list.Hooks, "no hooks", []string{"REPOSITORY", "ID", "URL", "EVENTS", "STATE"}, func(h fleet.Hook) []string {
			return []string{h.Target.String(), strconv.FormatInt(h.ID, 10), h.URL, strings.Join(h.Events, ","), hookState(h)}
		}), err)
	})
	f.add(cmd, true)
	return cmd
}

// hookState describes a hook in a few words.
func hookState(h fleet.Hook) string {
	if !h.Ours && h.State == "" {
		return "another service's"
	}
	return h.State
}

// oneHook finds the hook of an id. Without -R or --org it looks at every known target.
func (p *program) oneHook(ctx context.Context, all *fleet.Fleet, f *targetFlags, id int64) (fleet.Hook, error) {
	targets, err := p.chosenTargets(ctx, all, f)
	if err != nil {
		return fleet.Hook{}, err
	}
	return all.Find(ctx, id, targets)
}

// hookCommand is the common shape of the commands about one hook.
func (p *program) hookCommand(command func(*cobra.Command, work) *cobra.Command, use, short, example string,
	run func(context.Context, call, *fleet.Fleet, fleet.Hook) error) *cobra.Command {
	var f targetFlags
	cmd := command(&cobra.Command{Use: use + " ID", Short: short, Example: example, Args: cobra.ExactArgs(1)}, func(ctx context.Context, c call) error {
		id, err := hookID(c.args[0])
		if err != nil {
			return err
		}
		all, err := p.atGitHub(c.settings)
		if err != nil {
			return err
		}
		hook, err := p.oneHook(ctx, all, &f, id)
		if err != nil {
			return err
		}
		return run(ctx, c, all, hook)
	})
	f.add(cmd, false)
	return cmd
}

func newHooksView(p *program) *cobra.Command {
	return p.hookCommand(p.printing, "view", "Show one hook", "  hookctl hooks view 12345678 -R owner/repo",
		func(_ context.Context, c call, _ *fleet.Fleet, h fleet.Hook) error {
			if c.out.wanted() {
				return c.out.print(p.out, h)
			}
			row := func(name, value string) { fmt.Fprintf(p.out, "%-13s %s\n", name, text.Clean(value)) }
			row("hook", fmt.Sprintf("%d on %s", h.ID, h.Target))
			row("url", h.URL)
			row("events", strings.Join(h.Events, ", "))
			row("state", hookState(h))
			row("content type", h.ContentType)
			row("secret", map[bool]string{true: "set", false: "none"}[h.HasSecret])
			row("certificate", map[bool]string{true: "not checked", false: "checked"}[h.InsecureSSL])
			row("created", h.CreatedAt.Local().Format(time.DateTime))
			row("updated", h.UpdatedAt.Local().Format(time.DateTime))
			return nil
		})
}

func newHooksEdit(p *program) *cobra.Command {
	var events []string
	var url string
	var insecure, unreachable bool
	var cmd *cobra.Command
	cmd = p.hookCommand(p.printing, "edit", "Change the events, URL or certificate check of a hook", "  hookctl hooks edit 12345678 -R owner/repo --event push --event issues",
		func(ctx context.Context, c call, all *fleet.Fleet, h fleet.Hook) error {
			request := fleet.EditRequest{Hook: h.Hook, Events: events, AllowUnreachable: unreachable}
			if url != "" {
				request.URL = &url
			}
			if cmd.Flags().Changed("insecure-ssl") {
				request.InsecureSSL = &insecure
			}
			nothing := func() bool { return request.Events == nil && request.URL == nil && request.InsecureSSL == nil }
			if nothing() && p.terminal {
				answer, err := p.ask(ctx, "event", "events, or +name and -name to add and remove", strings.Join(h.Events, ","))
				if err == nil {
					request.Events, err = hooks.ChooseEvents(h.Events, answer)
				}
				if err != nil {
					return err
				}
			}
			if nothing() {
				return usage(errors.New("nothing to change: give --event, --url or --insecure-ssl"))
			}
			changed, err := all.Edit(ctx, request)
			if err != nil {
				return err
			}
			return p.said(c.out, changed, "changed hook %d on %s", changed.ID, changed.Target)
		})
	cmd.Flags().StringArrayVarP(&events, "event", "e", nil, "subscribe to this `event` instead; may be repeated")
	cmd.Flags().Func("url", "send deliveries to this `URL`", func(to string) error {
		url = to
		return settings.CheckURL(to)
	})
	cmd.Flags().BoolVar(&insecure, "insecure-ssl", false, "do not let GitHub check the receiver's certificate")
	cmd.Flags().BoolVar(&unreachable, "allow-unreachable", false, "accept a URL that GitHub cannot reach from the internet")
	return cmd
}

func newHooksSwitch(p *program, on bool) *cobra.Command {
	verb, short := "enable", "Let GitHub send deliveries to a hook again"
	if !on {
		verb, short = "disable", "Pause a hook: GitHub sends nothing to it"
	}
	return p.hookCommand(p.printing, verb, short, "  hookctl hooks "+verb+" 12345678 -R owner/repo",
		func(ctx context.Context, c call, all *fleet.Fleet, h fleet.Hook) error {
			changed, err := all.SetActive(ctx, h.Hook, on)
			if err != nil {
				return err
			}
			return p.said(c.out, changed, "%sd hook %d on %s", verb, changed.ID, changed.Target)
		})
}

func newHooksPing(p *program) *cobra.Command {
	return newHooksAsk(p, "ping", "Ask GitHub to send a ping", "asked GitHub to ping hook %d on %s; see it arrive: hookctl events list --filter event:ping", (*fleet.Fleet).Ping)
}

func newHooksTest(p *program) *cobra.Command {
	return newHooksAsk(p, "test", "Ask GitHub to send the latest push again", "asked GitHub to send the latest push to hook %d on %s again; see it arrive: hookctl events list --filter event:push", (*fleet.Fleet).Test)
}

// newHooksAsk has GitHub send one delivery to a hook.
func newHooksAsk(p *program, verb, short, done string, send func(*fleet.Fleet, context.Context, hooks.Hook) error) *cobra.Command {
	return p.hookCommand(p.printing, verb, short, "  hookctl hooks "+verb+" 12345678 -R owner/repo",
		func(ctx context.Context, c call, all *fleet.Fleet, h fleet.Hook) error {
			if err := send(all, ctx, h.Hook); err != nil {
				return err
			}
			return p.said(c.out, fleet.Asked{Repository: h.Target.String(), HookID: h.ID, Asked: 1}, done, h.ID, h.Target)
		})
}

func newHooksDelete(p *program) *cobra.Command {
	var yes bool
	cmd := p.hookCommand(p.action, "delete", "Delete a hook at GitHub", "  hookctl hooks delete 12345678 -R owner/repo",
		func(ctx context.Context, _ call, all *fleet.Fleet, h fleet.Hook) error {
			if err := p.confirm(ctx, yes, fmt.Sprintf("delete hook %d on %s, which sends to %s?", h.ID, h.Target, text.Clean(h.URL))); err != nil {
				return err
			}
			if err := all.Delete(ctx, h.Hook); err != nil {
				return err
			}
			p.note("deleted hook %d on %s", h.ID, h.Target)
			return nil
		})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func newHooksForget(p *program) *cobra.Command {
	var f targetFlags
	cmd := p.action(&cobra.Command{
		Use:     "forget",
		Short:   "Forget a repository that is gone or no longer yours",
		Long:    "Forget a repository or organization: later commands leave it out. Nothing changes at GitHub. setup, or a ping from\nit, adds it again.",
		Example: "  hookctl hooks forget -R owner/repo",
	}, func(ctx context.Context, c call) error {
		if !f.given() {
			return missing("repo", "the repository to forget")
		}
		all, err := p.atGitHub(c.settings)
		if err != nil && !errors.Is(err, hooks.ErrNotLoggedIn) { // without a login it can be forgotten, too
			return err
		}
		client, _ := all.GitHub()
		targets, err := f.targets(ctx, p, client)
		if err != nil {
			return err
		}
		for _, t := range targets {
			if err := all.Forget(ctx, t); err != nil {
				return err
			}
			p.note("forgot %s", t)
		}
		return nil
	})
	f.add(cmd, false)
	return cmd
}

func newHooksEvents(p *program) *cobra.Command {
	var out output
	return addOutputFlags(&cobra.Command{
		Use:     "events",
		Short:   "List the events that a hook can subscribe to",
		Example: "  hookctl hooks events",
		RunE: func(*cobra.Command, []string) error {
			list := hooks.Events()
			return printList(p, &out, list, list, "", []string{"EVENT", "SENT WHEN"}, func(e hooks.EventInfo) []string {
				return []string{e.Name, e.Sentence}
			})
		},
	}, &out)
}
