package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookctl/hooks"
	"hookctl/logs"
)

// seenEvent is an event as GitHub tried to deliver it, beside what the log has of it.
type seenEvent struct {
	Repository string           `json:"repository"`
	HookID     int64            `json:"hook_id"`
	ID         int64            `json:"id"` // of the latest attempt
	GUID       string           `json:"guid"`
	Event      string           `json:"event"`
	Action     string           `json:"action,omitempty"`
	Outcome    string           `json:"outcome"` // delivered, elsewhere, recovered, refused or missing
	Reason     string           `json:"reason,omitempty"`
	File       *string          `json:"file"`
	Attempts   []hooks.Delivery `json:"attempts"` // newest first
}

func newHooksDeliveries(p *program) *cobra.Command {
	var f targetFlags
	var out output
	var failed, absent bool
	var limit int
	since := 3 * day
	cmd := &cobra.Command{
		Use:   "deliveries [ID]",
		Short: "Show what GitHub delivered beside what the log has",
		Long:  "Show what GitHub delivered beside what the log has: of one hook, or of every hook of this receiver.",
		Example: `  hookctl hooks deliveries 12345678 -R owner/repo
  hookctl hooks deliveries --failed --json --jq '.[].id'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage(fmt.Errorf("--limit: %d is less than nothing", limit))
			}
			s, client, err := p.atGitHub()
			if err != nil {
				return err
			}
			list, err := p.hooksOrOne(cmd.Context(), s, client, &f, args)
			if len(list) == 0 && err != nil {
				return err
			}
			query := hooks.DeliveryQuery{Since: time.Now().Add(-time.Duration(since)), Failed: failed, Limit: limit}
			return errors.Join(p.listDeliveries(cmd.Context(), s, client, list, query, absent, &out), err)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&failed, "failed", false, "only what failed")
	cmd.Flags().BoolVar(&absent, "missing", false, "only what the log does not have")
	cmd.Flags().Var(&since, "since", "how far back; GitHub keeps three days")
	cmd.Flags().IntVarP(&limit, "limit", "L", 30, "at most `n` of each hook; 0 for all")
	addOutputFlags(cmd, &out)
	return cmd
}

// hooksOrOne are the hook of an id, or every hook of this receiver on the chosen targets: those of the targets that could be
// looked at, beside the error of one that could not.
func (p *program) hooksOrOne(ctx context.Context, s *settings, client *hooks.Client, f *targetFlags, args []string) ([]hooks.Hook, error) {
	if len(args) == 1 {
		hook, err := p.oneHook(ctx, s, client, f, args[0])
		if err != nil {
			return nil, err
		}
		return []hooks.Hook{hook}, nil
	}
	list, err := p.chosenHooks(ctx, s, client, f)
	own, ownErr := p.ownHooks(ctx, s, list)
	return own, errors.Join(err, ownErr)
}

func (p *program) listDeliveries(ctx context.Context, s *settings, client *hooks.Client, list []hooks.Hook, query hooks.DeliveryQuery, absent bool, out *output) (err error) {
	log, err := logs.Open(ctx, s.logsConfig(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	seen := []seenEvent{}
	deliveries, failed := client.DeliveriesOf(ctx, list, query)
	for i, h := range list {
		for _, e := range hooks.GroupByGUID(deliveries[i]) {
			row := seenEvent{
				Repository: h.Target.String(), HookID: h.ID, ID: e.Latest().ID, GUID: e.GUID, Event: e.Event, Action: e.Action, Attempts: e.Attempts,
			}
			file, known, err := log.Known(ctx, e.GUID, logs.PathName(h.URL))
			if err != nil {
				return err
			}
			if known {
				row.File = &file
			}
			row.Outcome, row.Reason = e.Outcome(row.File != nil)
			if !absent || row.File == nil {
				seen = append(seen, row)
			}
		}
	}
	if out.wanted() {
		return errors.Join(out.print(p.out, seen), failed)
	}
	if len(seen) == 0 {
		p.note("no deliveries")
		return failed
	}
	rows := make([][]string, len(seen))
	for i, e := range seen {
		event, reason := e.Event, e.Reason
		if e.Action != "" {
			event += " " + e.Action
		}
		if e.File != nil {
			reason = strings.TrimSpace(*e.File + "  " + reason)
		}
		at := e.Attempts[0].DeliveredAt.Local().Format(time.DateTime)
		rows[i] = []string{at, e.Repository, strconv.FormatInt(e.HookID, 10), strconv.FormatInt(e.ID, 10), event, e.Outcome, reason}
	}
	return errors.Join(table(p.out, []string{"DELIVERED", "REPOSITORY", "HOOK", "DELIVERY", "EVENT", "OUTCOME", "RECORD OR REASON"}, rows), failed)
}

func newHooksRedeliver(p *program) *cobra.Command {
	var f targetFlags
	var missed bool
	var out output
	cmd := &cobra.Command{
		Use:   "redeliver [HOOK [DELIVERY…]]",
		Short: "Make GitHub send deliveries again",
		Long:  "Make GitHub send deliveries again: those named of one hook, or with --missed what the log does not have, of one hook\nor of every hook of this receiver.",
		Example: `  hookctl hooks redeliver 12345678 9007199254740993 -R owner/repo
  hookctl hooks redeliver 12345678 --missed -R owner/repo
  hookctl hooks redeliver --missed`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !missed {
				return usage(errors.New("name a hook and its deliveries, or give --missed for all that the log does not have"))
			}
			if len(args) == 1 && !missed {
				return usage(errors.New("name the deliveries, or give --missed for all that the log does not have"))
			}
			s, client, err := p.atGitHub()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				list, err := p.hooksOrOne(cmd.Context(), s, client, &f, nil)
				if len(list) == 0 && err != nil {
					return err
				}
				return errors.Join(p.redeliverMissed(cmd.Context(), s, client, list, &out), err)
			}
			hook, err := p.oneHook(cmd.Context(), s, client, &f, args[0])
			if err != nil {
				return err
			}
			ids := make([]int64, 0, len(args)-1)
			for _, text := range args[1:] {
				id, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usage(fmt.Errorf("%q is no id of a delivery", text))
				}
				ids = append(ids, id)
			}
			return p.redeliver(cmd.Context(), s, client, hook, ids, missed, &out)
		},
	}
	f.add(cmd, false)
	cmd.Flags().BoolVar(&missed, "missed", false, "all that no attempt brought here")
	addOutputFlags(cmd, &out)
	return cmd
}

// redeliver asks for the deliveries named, and with missed for all that never arrived. One that GitHub refuses does not stop
// the others.
func (p *program) redeliver(ctx context.Context, s *settings, client *hooks.Client, hook hooks.Hook, ids []int64, missed bool, out *output) error {
	asked := 0
	var problems error
	if missed {
		found, missedErr := p.missed(ctx, s, client, []hooks.Hook{hook}, 3*day)
		n, err := client.RedeliverAll(ctx, found, p.progress)
		asked, problems = n, errors.Join(missedErr, err)
	}
	for _, id := range ids {
		if err := client.Redeliver(ctx, hook.Target, hook.ID, id); err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		asked++
	}
	if out.wanted() {
		return errors.Join(out.print(p.out, askedOf{hook.Target.String(), hook.ID, asked}), problems)
	}
	p.note("asked GitHub for %d deliveries of hook %d on %s", asked, hook.ID, hook.Target)
	return problems
}

// redeliverMissed asks for what no attempt brought here, of many hooks. In JSON it tells each hook that missed something.
func (p *program) redeliverMissed(ctx context.Context, s *settings, client *hooks.Client, list []hooks.Hook, out *output) error {
	found, missedErr := p.missed(ctx, s, client, list, 3*day)
	rows := []askedOf{}
	asked, err := client.RedeliverAll(ctx, found, func(step hooks.Step) {
		p.progress(step)
		if step.State != hooks.StateDone {
			return
		}
		at := slices.IndexFunc(rows, func(r askedOf) bool { return r.HookID == step.HookID })
		if at < 0 {
			at, rows = len(rows), append(rows, askedOf{Repository: step.Target.String(), HookID: step.HookID})
		}
		rows[at].Asked++
	})
	err = errors.Join(missedErr, err)
	if out.wanted() {
		return errors.Join(out.print(p.out, rows), err)
	}
	p.note("asked GitHub for %d deliveries of %d hooks", asked, len(rows))
	return err
}
