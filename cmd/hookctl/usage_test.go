package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hookctl/hooks"
)

// What is wrong with the words of a command line is reported before anything is asked, so also without a login.
func TestMistakesComeBeforeTheLogin(t *testing.T) {
	t.Setenv("HOOKCTL_HOME", t.TempDir())
	t.Setenv("GH_CONFIG_DIR", t.TempDir())
	for line, want := range map[string]string{
		"setup owner/repo":                        `unexpected argument: "owner/repo" | name a repository with -R: hookctl setup -R owner/repo`,
		"setup -R not^a^repo":                     `--repo: "not a repo" is not a repository (owner/repo) or an organization`,
		"setup --org a/b":                         `--org: not an organization: "a/b"`,
		"setup --url ftp://x":                     `--url: GitHub sends over https, not ftp | give one like https://hooks.example.com`,
		"setup --path a^b":                        `--path: the path "a b" is not 1 to 64 letters, digits, - and _`,
		"hooks list -R x":                         `--repo: not a repository: "x" | write owner/repo, or --org x for the hooks of an organization`,
		"hooks ping abc":                          `not a valid hook id: "abc" | list the hooks: hookctl hooks list`,
		"hooks deliveries abc":                    `not a valid hook id: "abc"`,
		"hooks redeliver abc 1":                   `not a valid hook id: "abc"`,
		"hooks edit 1 --url abc":                  `--url: "abc" is not a URL`,
		"rotate abc":                              `not a valid hook id: "abc"`,
		"hooks view":                              `missing argument: ID | usage: hookctl hooks view ID`,
		"config set receiver.port":                `missing argument: VALUE`,
		"events diff a b c":                       `unexpected argument: "c"`,
		"events list --limit x":                   `--limit: not a whole number: "x" | see the flags: hookctl events list --help`,
		"events list --limit 9999999999999999999": `--limit: too large: 9999999999999999999`,
		"events list --limit":                     `--limit needs a value`,
		"events list --json=file,event":           "--json takes no fields: \"file,event\" | select fields with --jq: hookctl events list --jq '.[] | {file, event}'",
		"rotate --yes=perhaps":                    `--yes: not true or false: "perhaps"`,
		"events list -Z":                          `unknown flag: -Z`,
		"catchup --since soon":                    `--since: not a valid duration: "soon"`,
		"rotate --undo --resume":                  `--resume and --undo cannot be given together`,
		"cluster init":                            `--node is missing | usage: hookctl cluster init`,
	} {
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "^", " ")
		}
		root := quietRoot(noEnvironment)
		root.SetArgs(args)
		_, err := root.ExecuteContextC(t.Context())
		message, cure, _ := strings.Cut(want, " | ")
		if err == nil || !strings.HasPrefix(err.Error(), message) || !strings.HasPrefix(hooks.CureOf(err), cure) || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, hint: %s, exit code %d", line, err, hooks.CureOf(err), exitCode(err))
		}
	}
}

// No mistake is reported in the words of the packages that read the command line.
func TestMistakesAreInPlainWords(t *testing.T) {
	t.Parallel()
	foreign := regexp.MustCompile(`strconv|invalid argument|arg\(s\)|unknown command|flag\(s\)|needs an argument|in the group`)
	ended, end := context.WithCancel(t.Context())
	end()
	try := func(args []string) {
		root := quietRoot(noEnvironment)
		root.SetArgs(args)
		if _, err := root.ExecuteContextC(ended); err == nil || foreign.MatchString(err.Error()) {
			t.Errorf("%s: %v", strings.Join(args, " "), err)
		}
	}
	available(quietRoot(noEnvironment), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind == "int" || kind == "bool" {
				try(append(path[:len(path):len(path)], "--"+f.Name+"=x"))
			}
		})
		if cmd.Runnable() && cmd.Args != nil && !cmd.HasSubCommands() && cmd.Args(cmd, strings.Fields("a b c d e")) != nil {
			try(append(path[:len(path):len(path)], strings.Fields("a b c d e")...))
		}
	})
}
