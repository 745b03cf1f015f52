package line

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// alias is a short form of a command line. A form that is also a group of commands stands for its line only where what
// follows is none of its commands.
type alias struct {
	typed string
	means string
	rest  form
	text  string // for help; "" where the form is a second one
}

// form is what may follow an alias.
type form int

const (
	anything form = iota
	nothing       // the words alone
	number        // a row of a list, first of all
	command       // a command of the group, or nothing
	filter        // the words of a filter, or flags
	facts         // a record, which is printed without its payload
	delivery      // rows of the list of deliveries, the hook of which is known
)

func aliases() []alias {
	return []alias{
		{"events", "events list", filter, "The newest events, or those that match a filter"},
		{"view", "events view", facts, "One event without its payload: view 3; events view 3 prints all"},
		{"follow", "events follow", anything, "New events as they arrive"},
		{"wait", "events wait", filter, "Sleep until an event arrives, or one that matches a filter"},
		{"diff", "events diff", anything, "Compare two events: diff 1 2"},
		{"stats", "events stats", filter, "Count events by type, repository, sender and hour"},
		{"replay", "events replay", anything, "Route records again, as new records"},
		{"resend", "events resend", anything, "Send the notifications of records again"},
		{"hooks all", "hooks list --match *", nothing, "The hooks of all repositories that you administer"},
		{"hooks", "hooks list", nothing, "The hooks at GitHub"},
		{"hook", "hooks view", number, "One hook: hook 2"},
		{"ping", "hooks ping", anything, "Ask GitHub to send a ping"},
		{"pause", "hooks disable", anything, "Pause a hook: GitHub delivers nothing"},
		{"resume", "rotate --resume", nothing, "Continue a rotation; with a number, resume a paused hook"},
		{"resume", "hooks enable", anything, ""},
		{"edit", "hooks edit", anything, "Choose the events of a hook"},
		{"delete", "hooks delete", anything, "Delete a hook at GitHub"},
		{"deliveries", "hooks deliveries", anything, "Compare what GitHub delivered with the log"},
		{"redeliver missed", "hooks redeliver --missed", anything, ""},
		{"redeliver", "hooks redeliver", delivery, "Ask GitHub to send deliveries of the last list again; or: redeliver missed"},
		{"rotate all", "rotate --all", nothing, ""},
		{"rotate resume", "rotate --resume", nothing, ""},
		{"rotate undo", "rotate --undo", nothing, ""},
		{"rotate finish", "rotate --finish", nothing, ""},
		{"rotate", "rotate --all", nothing, "A new secret for every hook of this receiver"},
		{"undo", "rotate --undo", nothing, "Give every hook its old secret back"},
		{"finish", "rotate --finish", nothing, "End a rotation now"},
		{"web", "events view --web", anything, "Open the page of an event in the browser"},
		{"filters", "events filters", anything, "The saved filters; events @NAME uses one"},
		{"save", "events filters save", anything, "Save a filter: save NAME FILTER"},
		{"forget", "events filters forget", anything, "Delete a saved filter"},
		{"settings", "config", command, "Every setting and where it comes from; or: settings KEY"},
		{"settings", "config show", anything, ""},
	}
}

// factsOfRecord prints what a record says without its payload, a line for each fact.
const factsOfRecord = `.payload_summary + del(.payload, .headers, .payload_summary)
	| paths(type | . == "string" or . == "number" or . == "boolean") as $p
	| "\($p | map(tostring | gsub("_"; " ")) | join(" ")): \(getpath($p))"`

// usage is the alias as help prints it.
func (a alias) usage() string {
	switch a.rest {
	case filter:
		return a.typed + " [FILTER]"
	case number:
		return a.typed + " N"
	case delivery:
		return a.typed + " N…"
	}
	return a.typed
}

// refused are the commands that make sense in a shell only, each with what to do here.
func refused() map[string]string {
	return map[string]string{
		"serve":      "serve runs the receiver in the foreground; start runs it in the background",
		"demo":       "the demo uses a home of its own: quit, then run hookctl demo with ACCESSIBLE=1",
		"completion": "completion is for a shell; here, words and a question mark list what may follow",
	}
}

// commands are the command lines that the typed words stand for: aliases are replaced by their commands, and numbers by
// what they name. A command about one row that is given several is executed once for each.
func (m *mode) commands(words []string) ([][]string, error) {
	tree := m.Tree()
	words, err := m.expand(tree, words)
	if err != nil {
		return nil, err
	}
	cmd, rest, err := tree.Find(words)
	if err != nil {
		return [][]string{words}, nil //nolint:nilerr // Executing it says what is wrong, and what is near.
	}
	if cmd == tree && (words[0] == "--accessible" || len(rest) == 0) {
		return nil, m.fail("this is already line mode", "type help for the commands")
	}
	if path := strings.Fields(cmd.CommandPath()); len(path) > 1 && refused()[path[1]] != "" {
		return nil, m.fail(refused()[path[1]], "")
	}
	return m.replace(cmd, words[:len(words)-len(rest)], rest)
}

// expand replaces an alias by its command.
func (m *mode) expand(tree *cobra.Command, words []string) ([]string, error) {
	for _, a := range aliases() {
		typed, means := strings.Fields(a.typed), strings.Fields(a.means)
		if len(words) < len(typed) || !slices.Equal(words[:len(typed)], typed) {
			continue
		}
		rest := words[len(typed):]
		if len(rest) > 0 && depth(tree, words) > len(typed) {
			continue // a command of the group
		}
		switch {
		case slices.Contains(rest, "--help") || slices.Contains(rest, "-h"):
		case a.rest == command && len(rest) > 0 && depth(tree, append(means, rest[0])) <= len(means):
			continue
		case a.rest == nothing && len(rest) > 0, a.rest == number && (len(rest) == 0 || numbers(rest[0]) == nil):
			continue
		case a.rest == filter && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
			rest = []string{"--filter", strings.Join(rest, " ")}
		case a.rest == facts && !slices.ContainsFunc(rest, func(w string) bool { return strings.HasPrefix(w, "-") }):
			rest = append(slices.Clone(rest), "--jq", factsOfRecord)
		case a.rest == delivery && len(rest) > 0 && numbers(rest[0]) != nil: // their hook goes before them
			l := m.lists["DELIVERY"]
			if l == nil {
				return nil, m.fail("no deliveries were listed", "deliveries lists them")
			}
			if n, err := strconv.Atoi(numbers(rest[0])[0]); err == nil && n >= 1 && n <= len(l.rows) {
				means = append(means, l.cell(l.rows[n-1], "HOOK"))
			}
		}
		return append(means, rest...), nil
	}
	return words, nil
}

// depth is how many of the words name a command.
func depth(tree *cobra.Command, words []string) int {
	cmd, _, err := tree.Find(words)
	if err != nil {
		return 0
	}
	return strings.Count(cmd.CommandPath(), " ")
}

// row is what a word names, and the repository or organization that it is on where that is known.
type row struct{ name, target string }

// replace puts what the numbers in rest name in their place, as the usage line of the command says what its words are.
func (m *mode) replace(cmd *cobra.Command, path, rest []string) ([][]string, error) {
	kinds, many := takes(cmd)
	if kinds == nil {
		return [][]string{slices.Concat(path, rest)}, nil
	}
	flags := slices.Clone(path)
	cmd.InitDefaultHelpFlag()
	err := cmd.Flags().ParseAll(rest, func(f *pflag.Flag, value string) error {
		flags = append(flags, "--"+f.Name+"="+value)
		return cmd.Flags().Set(f.Name, value)
	})
	if err != nil {
		return [][]string{slices.Concat(path, rest)}, nil //nolint:nilerr // Executing it says what is wrong.
	}
	var rows []row
	for _, word := range cmd.Flags().Args() {
		list := numbers(word)
		if list == nil {
			list = []string{word}
		}
		for _, part := range list {
			r, err := m.named(kinds[min(len(rows), len(kinds)-1)], part)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
	}
	groups := [][]row{rows}
	if len(kinds) == 1 && !many && len(rows) > 1 {
		groups = slices.Collect(slices.Chunk(rows, 1))
	}
	lines := make([][]string, len(groups))
	for i, group := range groups {
		lines[i] = slices.Concat(flags, targets(cmd, group))
		for _, r := range group {
			lines[i] = append(lines[i], r.name)
		}
	}
	return lines, nil
}

// targets are the flags that name where the rows are, so that a row is found that no earlier setup knows; empty
// where the user gave them, or where one of the rows may be anywhere.
func targets(cmd *cobra.Command, rows []row) []string {
	if cmd.Flags().Lookup("repo") == nil || cmd.Flags().Changed("repo") || cmd.Flags().Changed("org") {
		return nil
	}
	var flags []string
	for i, r := range rows {
		flag := "--repo"
		switch {
		case r.target == "" && i > 0 && cmd.Name() == "redeliver":
			continue // a delivery is where its hook is
		case r.target == "":
			return nil
		case !strings.Contains(r.target, "/"):
			flag = "--org"
		}
		if !slices.Contains(flags, r.target) {
			flags = append(flags, flag, r.target)
		}
	}
	return flags
}

// named is what a word stands for: the row of the last list of that kind where it is a number in it, else itself.
func (m *mode) named(kind, word string) (row, error) {
	n, err := strconv.Atoi(word)
	if err != nil || kind == "" {
		return row{name: word}, nil
	}
	for _, l := range m.lists { // an id that was printed
		for _, cells := range l.rows {
			if l.cell(cells, kind) == word {
				return row{word, l.cell(cells, "REPOSITORY")}, nil
			}
		}
	}
	l, lists := m.lists[kind], map[string]string{"FILE": "events", "HOOK": "hooks", "DELIVERY": "deliveries"}[kind]
	switch {
	case l != nil && n >= 1 && n <= l.heard && l.cell(l.rows[n-1], kind) != "":
		return row{l.cell(l.rows[n-1], kind), l.cell(l.rows[n-1], "REPOSITORY")}, nil
	case len(word) > 6: // an id
		return row{name: word}, nil
	case l == nil:
		return row{}, m.fail(fmt.Sprintf("no list with a number %d was printed yet", n), lists+" prints one")
	}
	return row{}, m.fail(fmt.Sprintf("the last list of %s has no number %d", lists, n), lists+" prints it again")
}

// takes reads from the usage line of a command what its words are, and whether the last of them may be repeated:
// "view FILE|GUID|latest" takes a record, "redeliver [HOOK [DELIVERY…]]" a hook and its deliveries.
func takes(cmd *cobra.Command) (kinds []string, many bool) {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		many = strings.Contains(word, "…")
		kind := ""
		switch word = strings.Trim(word, "[]…"); {
		case strings.HasPrefix(word, "FILE|GUID"):
			kind = "FILE"
		case word == "HOOK" || word == "ID" && cmd.Parent().Name() == "hooks":
			kind = "HOOK"
		case word == "DELIVERY":
			kind = word
		}
		kinds = append(kinds, kind)
	}
	if strings.Join(kinds, "") == "" {
		return nil, false
	}
	return kinds, many
}

// numbers are those of "2,3", nil where the word is something else.
func numbers(word string) []string {
	list := strings.Split(word, ",")
	if slices.ContainsFunc(list, func(n string) bool { _, err := strconv.ParseUint(n, 10, 64); return err != nil }) {
		return nil
	}
	return list
}
