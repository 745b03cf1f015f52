package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"hookctl/hooks/tasks"
	"hookctl/logs/text"
)

// sync checks each right that project sync needs, and whether something of it is stuck.
func (f *facts) sync(ctx context.Context) Check {
	var all []Check
	rights, err := f.cfg.Sync.Rights(ctx)
	if err != nil {
		all = append(all, failed(fmt.Errorf("the rights cannot be checked: %w", err), "gh auth login"))
	}
	for _, r := range rights {
		if r.Err != nil {
			all = append(all, failed(fmt.Errorf("%s: %w", r.Name, r.Err), ""))
		}
	}
	all = append(all, f.tasks())
	if out := worst(all...); out.Status != OK {
		return out
	}
	return ok("project sync is set to %s; the login may change: %s", f.cfg.SyncMode, namesOf(rights))
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

// blocked are the tasks that wait for a decision, which Home shows for as long as they do. They are no fault of the chain.
func (f *facts) blocked() Check {
	list, err := f.cfg.Sync.List()
	if err != nil {
		return failed(err, "")
	}
	list = slices.DeleteFunc(list, func(i tasks.Item) bool { return !i.Blocked() })
	if len(list) == 0 {
		return ok("nothing is blocked")
	}
	slices.SortFunc(list, func(a, b tasks.Item) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key)) })
	i := list[0]
	words := fmt.Sprintf("%s#%d is blocked for %s: %s", i.Repository, *i.Issue, text.Span(f.cfg.Now().Sub(i.Since)), i.Title)
	if more := len(list) - 1; more > 0 {
		words = fmt.Sprintf("%s are blocked; the longest: %s", text.Count(len(list), "task"), words)
	}
	return warn("hookctl sync list", "%s", words)
}

// tasks judges from the disk alone what sync follows: whether something of it is stuck, and how much waits for a person.
func (f *facts) tasks() Check {
	stopped, err := f.cfg.Sync.Stopped()
	if err != nil {
		return failed(err, "")
	}
	for repo, until := range stopped {
		return warn("see what it did: hookctl sync list", "it stopped for %s after too many changes in an hour, and goes on at %s", repo, until.Local().Format("15:04"))
	}
	list, err := f.cfg.Sync.List()
	if err != nil {
		return failed(err, "")
	}
	var stuck []tasks.Item
	count := map[string]int{}
	for _, i := range list {
		switch {
		case i.Error != "":
			stuck = append(stuck, i)
		case i.Blocked():
			count["blocked"]++
		default:
			count[i.State]++
		}
	}
	words := fmt.Sprintf("%d open, %d suggested", count["open"], count["suggested"])
	if n := count["blocked"]; n > 0 {
		words += fmt.Sprintf(", %d blocked", n)
	}
	if len(stuck) > 0 {
		return warn("hookctl sync list; then: hookctl sync apply "+stuck[0].Key, "%s, %d stuck: %s", words, len(stuck), stuck[0].Error)
	}
	return ok("%s", words)
}
