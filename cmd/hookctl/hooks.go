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
)

func newHooks(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hooks",
		Short:   "List, view, edit, ping and delete hooks at GitHub",
		Aliases: []string{"hook"},
	}
	cmd.AddCommand(
		newHooksList(p), newHooksView(p), newHooksEdit(p), newHooksSwitch(p, true), newHooksSwitch(p, false),
		newHooksPing(p), newHooksTest(p), newHooksDelete(p), newHooksDeliveries(p), newHooksRedeliver(p), newHooksEvents(p),
	)
	return cmd
}

// atGitHub loads the settings and opens GitHub, as every command about hooks begins.
func (p *program) atGitHub() (*settings.Settings, *hooks.Client, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.github(s)
	return s, client, err
}

func newHooksList(p *program) *cobra.Command {
	var f targetFlags
	var out output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List hooks; without -R those of the repositories that were set up",
		Example: `  hookctl hooks list -R owner/repo
  hookctl hooks list --owner octo-org --json --jq '.[].url'`,
		Aliases: []string{"ls"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, client, err := p.atGitHub()
			if err != nil {
				return err
			}
			list, err := p.chosenHooks(cmd.Context(), s, client, &f)
			if len(list) == 0 && err != nil {
				return err
			}
			return errors.Join(p.printHooks(list, &out), err)
		},
	}
	f.add(cmd, true)
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) printHooks(list []hooks.Hook, out *output) error {
	if out.wanted() {
		return out.print(p.out, list)
	}
	if len(list) == 0 {
		p.note("no hooks")
		return nil
	}
	rows := make([][]string, len(list))
	for i, h := range list {
		rows[i] = []string{h.Target.String(), strconv.FormatInt(h.ID, 10), h.URL, strings.Join(h.Events, ","), hookState(h)}
	}
	return table(p.out, []string{"REPOSITORY", "ID", "URL", "EVENTS", "STATE"}, rows)
}

// hookState says in a word or two how a hook does.
func hookState(h hooks.Hook) string {
	switch {
	case !h.Active:
		return "inactive"
	case h.LastResponse.Code == 0 && h.LastResponse.Status == "unused":
		return "never used"
	case h.LastResponse == (hooks.Response{}):
		return "active" // of an organisation: GitHub tells no last response
	case h.LastResponse.Code >= 200 && h.LastResponse.Code < 300:
		return "ok"
	}
	return strings.TrimSpace(fmt.Sprintf("failing: %d %s", h.LastResponse.Code, orElse(h.LastResponse.Message, h.LastResponse.Status)))
}

// oneHook finds the hook of an id. Without -R or --org it looks at every known target.
func (p *program) oneHook(ctx context.Context, s *settings.Settings, client *hooks.Client, f *targetFlags, id string) (hooks.Hook, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return hooks.Hook{}, usage(fmt.Errorf("%q is no id of a hook", id))
	}
	targets, err := f.targets(ctx, p, client)
	if err != nil {
		return hooks.Hook{}, err
	}
	if len(targets) == 1 {
		return client.Get(ctx, targets[0], number)
	}
	list, err := p.chosenHooks(ctx, s, client, f)
	for _, h := range list {
		if h.ID == number {
			return h, nil
		}
	}
	if err == nil {
		err = hint(fmt.Errorf("no hook %d on the repositories looked at", number), "name its repository with -R owner/repo")
	}
	return hooks.Hook{}, err
}

// hookCommand is the common shape of the commands about one hook.
func hookCommand(p *program, use, short, example string, run func(context.Context, *hooks.Client, hooks.Hook, []string) error) *cobra.Command {
	var f targetFlags
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		Args:    cobra.ExactArgs(strings.Count(use, " ")),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, client, err := p.atGitHub()
			if err != nil {
				return err
			}
			hook, err := p.oneHook(cmd.Context(), s, client, &f, args[0])
			if err != nil {
				return err
			}
			return run(cmd.Context(), client, hook, args)
		},
	}
	f.add(cmd, false)
	return cmd
}

func newHooksView(p *program) *cobra.Command {
	var out output
	cmd := hookCommand(p, "view ID", "Show one hook", "  hookctl hooks view 12345678 -R owner/repo",
		func(_ context.Context, _ *hooks.Client, h hooks.Hook, _ []string) error {
			if out.wanted() {
				return out.print(p.out, h)
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
	addOutputFlags(cmd, &out)
	return cmd
}

func newHooksEdit(p *program) *cobra.Command {
	var out output
	var events []string
	var url string
	var insecure bool
	var cmd *cobra.Command
	cmd = hookCommand(p, "edit ID", "Change a hook's events, URL or certificate check", "  hookctl hooks edit 12345678 -R owner/repo --event push --event issues",
		func(ctx context.Context, client *hooks.Client, h hooks.Hook, _ []string) error {
			var config hooks.ConfigChange
			if url != "" {
				if err := settings.CheckURL(url); err != nil {
					return usage(fmt.Errorf("--url: %w", err))
				}
				config.URL = &url
			}
			if cmd.Flags().Changed("insecure-ssl") {
				value := map[bool]string{true: "1", false: "0"}[insecure]
				config.InsecureSSL = &value
			}
			if len(events) == 0 && config == (hooks.ConfigChange{}) && p.terminal {
				answer, err := p.ask(ctx, "event", "events, or +name and -name to add and leave out", strings.Join(h.Events, ","))
				if err == nil {
					events, err = hooks.ChooseEvents(h.Events, answer)
				}
				if err != nil {
					return err
				}
			}
			if len(events) == 0 && config == (hooks.ConfigChange{}) {
				return usage(errors.New("nothing to change: give --event, --url or --insecure-ssl"))
			}
			if config != (hooks.ConfigChange{}) {
				if err := client.Configure(ctx, h.Target, h.ID, config); err != nil {
					return err
				}
			}
			if len(events) > 0 {
				if _, err := client.Edit(ctx, h.Target, h.ID, hooks.Change{Events: events}); err != nil {
					return err
				}
			}
			changed, err := client.Get(ctx, h.Target, h.ID)
			if err != nil {
				return err
			}
			return p.printHook(changed, "changed", &out)
		})
	cmd.Flags().StringArrayVarP(&events, "event", "e", nil, "subscribe to these `events` instead; may be repeated")
	cmd.Flags().StringVar(&url, "url", "", "send deliveries to this `URL`")
	cmd.Flags().BoolVar(&insecure, "insecure-ssl", false, "do not check the receiver's certificate")
	addOutputFlags(cmd, &out)
	return cmd
}

// printHook prints one hook as JSON where that is asked for, else one line that says what was done.
func (p *program) printHook(h hooks.Hook, done string, out *output) error {
	if out.wanted() {
		return out.print(p.out, h)
	}
	p.note("%s hook %d on %s", done, h.ID, h.Target)
	return nil
}

func newHooksSwitch(p *program, on bool) *cobra.Command {
	verb, short := "enable", "Make GitHub send deliveries again"
	if !on {
		verb, short = "disable", "Make GitHub send nothing for now"
	}
	var out output
	cmd := hookCommand(p, verb+" ID", short, "  hookctl hooks "+verb+" 12345678 -R owner/repo",
		func(ctx context.Context, client *hooks.Client, h hooks.Hook, _ []string) error {
			changed, err := client.Edit(ctx, h.Target, h.ID, hooks.Change{Active: &on})
			if err != nil {
				return err
			}
			return p.printHook(changed, verb+"d", &out)
		})
	addOutputFlags(cmd, &out)
	return cmd
}

func newHooksPing(p *program) *cobra.Command {
	var out output
	cmd := hookCommand(p, "ping ID", "Make GitHub send a ping", "  hookctl hooks ping 12345678 -R owner/repo",
		func(ctx context.Context, client *hooks.Client, h hooks.Hook, _ []string) error {
			if err := client.Ping(ctx, h.Target, h.ID); err != nil {
				return err
			}
			if out.wanted() {
				return out.print(p.out, askedOf{h.Target.String(), h.ID, 1})
			}
			p.note("asked GitHub to ping hook %d on %s; see it arrive with: hookctl events list --filter event:ping", h.ID, h.Target)
			return nil
		})
	addOutputFlags(cmd, &out)
	return cmd
}

func newHooksTest(p *program) *cobra.Command {
	return hookCommand(p, "test ID", "Make GitHub send the latest push again", "  hookctl hooks test 12345678 -R owner/repo",
		func(ctx context.Context, client *hooks.Client, h hooks.Hook, _ []string) error {
			if err := client.Test(ctx, h.Target, h.ID); err != nil {
				return err
			}
			p.note("asked GitHub to send the latest push of %s again; see it arrive with: hookctl events list --filter event:push", h.Target)
			return nil
		})
}

// askedOf is what `hooks ping --json` and `hooks redeliver --json` print: how many deliveries GitHub was asked for.
type askedOf struct {
	Repository string `json:"repository"`
	HookID     int64  `json:"hook_id"`
	Asked      int    `json:"asked"`
}

func newHooksDelete(p *program) *cobra.Command {
	var yes bool
	cmd := hookCommand(p, "delete ID", "Delete a hook at GitHub", "  hookctl hooks delete 12345678 -R owner/repo",
		func(ctx context.Context, client *hooks.Client, h hooks.Hook, _ []string) error {
			if err := p.confirm(ctx, yes, fmt.Sprintf("delete hook %d on %s, which sends to %s?", h.ID, h.Target, text.Clean(h.URL))); err != nil {
				return err
			}
			if err := client.Delete(ctx, h.Target, h.ID); err != nil {
				return err
			}
			p.note("deleted hook %d on %s", h.ID, h.Target)
			return nil
		})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func newHooksEvents(p *program) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "List the events that a hook can subscribe to",
		Example: "  hookctl hooks events",
		RunE: func(*cobra.Command, []string) error {
			list := hooks.Events()
			if out.wanted() {
				return out.print(p.out, list)
			}
			rows := make([][]string, len(list))
			for i, e := range list {
				rows[i] = []string{e.Name, e.Sentence}
			}
			return table(p.out, []string{"EVENT", "SENT WHEN"}, rows)
		},
	}
	addOutputFlags(cmd, &out)
	return cmd
}
