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
	var out output
	var failed, absent bool
	var limit int
	since := settings.Duration(72 * time.Hour)
	cmd := &cobra.Command{
		Use:   "deliveries [ID]",
		Short: "Compare what GitHub delivered with the log",
		Long:  "Compare what GitHub delivered with the log, for one hook or for every hook of this receiver.",
		Example: `  hookctl hooks deliveries 12345678 -R owner/repo
  hookctl hooks deliveries --failed --json --jq '.[].id'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage(fmt.Errorf("--limit must not be negative: %d", limit))
			}
			request := fleet.DeliveriesRequest{
				Query:   hooks.DeliveryQuery{Since: time.Now().Add(-time.Duration(since)), Failed: failed, Limit: limit},
				Missing: absent,
			}
			ids, err := hookIDs(args[:min(1, len(args))])
			if err != nil {
				return err
			}
			_, all, err := p.atFleet()
			if err == nil {
				request.Hooks, request.Targets, err = p.oneOrTargets(cmd.Context(), all, &f, ids)
			}
			if err != nil {
				return err
			}
			sent, err := all.Deliveries(cmd.Context(), request)
			if sent == nil {
				return err
			}
			return errors.Join(p.printDeliveries(sent, &out), err)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&failed, "failed", false, "only deliveries that failed")
	cmd.Flags().BoolVar(&absent, "missing", false, "only deliveries that the log does not have")
	cmd.Flags().Var(&since, "since", "how far back to look; GitHub keeps three days")
	cmd.Flags().IntVarP(&limit, "limit", "L", 30, "at most `n` deliveries of each hook; 0 for all")
	return addOutputFlags(cmd, &out)
}

// oneOrTargets are the hook of an id, or else the targets that the flags choose.
func (p *program) oneOrTargets(ctx context.Context, all *fleet.Fleet, f *targetFlags, ids []int64) ([]hooks.Hook, []hooks.Target, error) {
	if len(ids) == 0 {
		targets, err := p.chosenTargets(ctx, all, f)
		return nil, targets, err
	}
	hook, err := p.oneHook(ctx, all, f, ids[0])
	return []hooks.Hook{hook.Hook}, nil, err
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
	var out output
	cmd := &cobra.Command{
		Use:   "redeliver [HOOK [DELIVERY…]]",
		Short: "Ask GitHub to send deliveries again",
		Long:  "Ask GitHub to send deliveries again: those given of one hook, or with --missed all that the log does not have, of one\nhook or of every hook of this receiver.",
		Example: `  hookctl hooks redeliver 12345678 9007199254740993 -R owner/repo
  hookctl hooks redeliver 12345678 --missed -R owner/repo
  hookctl hooks redeliver --missed`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !missed {
				return usage(errors.New("name a hook and its deliveries, or give --missed"))
			}
			if len(args) == 1 && !missed {
				return usage(errors.New("name the deliveries, or give --missed"))
			}
			request := fleet.RedeliverRequest{Missed: missed}
			for _, text := range args[min(1, len(args)):] {
				id, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usage(fmt.Errorf("not a valid delivery id: %q", text))
				}
				request.IDs = append(request.IDs, id)
			}
			ids, err := hookIDs(args[:min(1, len(args))])
			if err != nil {
				return err
			}
			_, all, err := p.atFleet()
			if err == nil {
				request.Hooks, request.Targets, err = p.oneOrTargets(cmd.Context(), all, &f, ids)
			}
			if err != nil {
				return err
			}
			asked, err := all.Redeliver(cmd.Context(), request, p.progress)
			if asked == nil {
				return err
			}
			return errors.Join(p.printAsked(asked, request.Hooks, &out), err)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&missed, "missed", false, "every delivery that never arrived")
	return addOutputFlags(cmd, &out)
}

// printAsked shows how many deliveries GitHub was asked for, of many hooks or of the one that was named.
func (p *program) printAsked(asked []fleet.Asked, named []hooks.Hook, out *output) error {
	if len(named) == 0 {
		if out.wanted() {
			return out.print(p.out, asked)
		}
		n := 0
		for _, a := range asked {
			n += a.Asked
		}
		p.note("asked GitHub for %d deliveries of %d hooks", n, len(asked))
		return nil
	}
	one := fleet.Asked{Repository: named[0].Target.String(), HookID: named[0].ID}
	if len(asked) > 0 {
		one = asked[0]
	}
	if out.wanted() {
		return out.print(p.out, one)
	}
	p.note("asked GitHub for %d deliveries of hook %d on %s", one.Asked, one.HookID, one.Repository)
	return nil
}
