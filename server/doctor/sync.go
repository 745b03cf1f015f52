package doctor

import (
	"context"
	"fmt"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs/text"
)

// sync checks each right that project sync needs, and whether something of it is stuck.
func (f *facts) sync(ctx context.Context) finding {
	var all []finding
	rights, err := f.cfg.Sync.Rights(ctx)
	if err != nil {
		all = append(all, failed(fmt.Errorf("the rights cannot be checked: %w", err), "gh auth login"))
	}
	for _, r := range rights {
		if r.Err != nil {
			all = append(all, failed(fmt.Errorf("%s: %w", r.Name, r.Err), ""))
		}
	}
	stopped, err := f.cfg.Sync.Stopped()
	if err != nil {
		all = append(all, fail(hooks.CureOf(err), "%v", err))
	}
	for repo, until := range stopped {
		all = append(all, warn("see what it did: hookctl sync list", "it stopped for %s after too many changes in an hour, and goes on at %s", repo, until.Local().Format("15:04")))
	}
	list, err := f.cfg.Sync.List()
	if err == nil {
		stuck, first := 0, tasks.Item{}
		for _, i := range list {
			if i.Error != "" {
				if stuck++; stuck == 1 {
					first = i
				}
			}
		}
		if stuck > 0 {
			all = append(all, warn("hookctl sync list; then: hookctl sync apply "+first.Key, "%s: %s", text.Count(stuck, "task keeps failing", "tasks keep failing"), first.Error))
		}
	}
	if len(all) > 0 {
		return worst(all...)
	}
	return ok("mode %s, with the rights for: %s", f.cfg.SyncMode, namesOf(rights))
}

func namesOf(rights []tasks.Right) string {
	if len(rights) == 0 {
		return "no repository is set up"
	}
	var names []string
	for _, r := range rights {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}
