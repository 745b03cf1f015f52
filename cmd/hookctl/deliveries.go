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
	"hookctl/server/fleet"
)

func newHooksDeliveries(p *program) *cobra.Command {
	var f targetFlags
	var failed, absent bool
	var limit int
	since := settings.Duration(72 * time.Hour)
	cmd := p.printing(&cobra.Command{
		Use:   "deliveries [ID]",
		Short: "Compare what GitHub delivered with the log",
		Long:  "Compare what GitHub delivered with the log, for one hook or for every hook of this receiver.",
		Example: `  hookctl hooks deliveries 12345678 -R owner/repo
  hookctl hooks deliveries --failed --json --jq '.[].id'`,
		Args: cobra.MaximumNArgs(1),
	}, func(ctx context.Context, c call) error {
		if limit < 0 {
			return usage(fmt.Errorf("--limit must not be negative: %d", limit))
		}
		all, hook, targets, err := p.hooksOf(ctx, c, &f)
		if err != nil {
			return err
		}
		sent, err := all.Deliveries(ctx, fleet.DeliveriesRequest{
			Hooks: hook, Targets: targets, Missing: absent,
			Query: hooks.DeliveryQuery{Since: time.Now().Add(-time.Duration(since)), Failed: failed, Limit: limit},
		})
		if sent == nil {
			return err
		}
		return errors.Join(p.printDeliveries(sent, c.out), err)
	})
	f.add(cmd, false)
	cmd.Flags().BoolVar(&failed, "failed", false, "only deliveries that failed")
	cmd.Flags().BoolVar(&absent, "missing", false, "only deliveries that the log does not have")
	cmd.Flags().Var(&since, "since", "how far back to look; GitHub keeps three days")
	cmd.Flags().IntVarP(&limit, "limit", "L", 30, "at most `n` deliveries of each hook; 0 for all")
	return cmd
}

// hooksOf are the hook that the first argument names, or else the targets that the flags choose.
func (p *program) hooksOf(ctx context.Context, c call, f *targetFlags) (*fleet.Fleet, []hooks.Hook, []hooks.Target, error) {
	ids, err := hookIDs(c.args[:min(1, len(c.args))])
	if err != nil {
		return nil, nil, nil, err
	}
	all, err := p.atGitHub(c.settings)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(ids) == 0 {
		targets, err := p.chosenTargets(ctx, all, f)
		return all, nil, targets, err
	}
	hook, err := p.oneHook(ctx, all, f, ids[0])
	return all, []hooks.Hook{hook.Hook}, nil, err
}

func (p *program) printDeliveries(seen []fleet.Sent, out *output) error {
	head := []string{"DELIVERED", "REPOSITORY", "HOOK", "DELIVERY", "EVENT", "OUTCOME", "RECORD OR REASON"}
	return printList(p, out, seen, seen, "no deliveries", head, func(e fleet.Sent) []string {
		event, reason := e.Event, e.Reason
		if e.Action != "" {
			event += " " + e.Action
		}
		if e.File != nil {
			reason = strings.TrimSpace(*e.File + "  " + reason)
		}
		at := e.Attempts[0].DeliveredAt.Local().Format(time.DateTime)
		return []string{at, e.Repository, strconv.FormatInt(e.HookID, 10), strconv.FormatInt(e.ID, 10), event, e.Outcome, reason}
	})
}

func newHooksRedeliver(p *program) *cobra.Command {
	var f targetFlags
	var missed bool
	cmd := p.printing(&cobra.Command{
		Use:   "redeliver [HOOK [DELIVERY…]]",
		Short: "Ask GitHub to send deliveries again",
		Long:  "Ask GitHub to send deliveries again: those given of one hook, or with --missed all that the log does not have, of one\nhook or of every hook of this receiver.",
		Example: `  hookctl hooks redeliver 12345678 9007199254740993 -R owner/repo
  hookctl hooks redeliver 12345678 --missed -R owner/repo
  hookctl hooks redeliver --missed`,
		Args: cobra.ArbitraryArgs,
	}, func(ctx context.Context, c call) error {
		switch {
		case missed || len(c.args) > 1:
		case len(c.args) == 0:
			return usage(errors.New("name a hook and its deliveries, or give --missed"))
		default:
			return usage(errors.New("name the deliveries, or give --missed"))
		}
		request := fleet.RedeliverRequest{Missed: missed}
		for _, text := range c.args[min(1, len(c.args)):] {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return usage(fmt.Errorf("not a valid delivery id: %q", text))
			}
			request.IDs = append(request.IDs, id)
		}
		var all *fleet.Fleet
		var err error
		if all, request.Hooks, request.Targets, err = p.hooksOf(ctx, c, &f); err != nil {
			return err
		}
		asked, err := all.Redeliver(ctx, request, p.progress)
		if asked == nil {
			return err
		}
		return errors.Join(p.printAsked(asked, request.Hooks, c.out), err)
	})
	f.add(cmd, false)
	cmd.Flags().BoolVar(&missed, "missed", false, "every delivery that never arrived")
	return cmd
}

// printAsked shows how many deliveries GitHub was asked for, of many hooks or of the one that was named.
func (p *program) printAsked(asked []fleet.Asked, named []hooks.Hook, out *output) error {
	if len(named) == 0 {
		n := 0
		for _, a := range asked {
			n += a.Asked
		}
		return p.said(out, asked, "asked GitHub for %d deliveries of %d hooks", n, len(asked))
	}
	one := fleet.Asked{Repository: named[0].Target.String(), HookID: named[0].ID}
	if len(asked) > 0 {
		one = asked[0]
	}
	return p.said(out, one, "asked GitHub for %d deliveries of hook %d on %s", one.Asked, one.HookID, one.Repository)
}
