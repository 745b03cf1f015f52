package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hookctl/hooks"
)

// What is wrong with a command line is said here, in the program's own words rather than those of cobra, pflag and strconv.

// errFields is the mistake of who writes fields behind --json, as for gh: a person, who is answered in words.
var errFields = errors.New("--json takes no fields")

// flagMistake says what is wrong with a flag, and leads on: to the flag that was meant, or to those that there are.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	cure := "see the flags: " + cmd.CommandPath() + " --help"
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		err = fmt.Errorf("unknown flag: -%s", unknown.GetSpecifiedName())
		if given := unknown.GetSpecifiedShortnames(); strings.Trim(given, "0123456789.") == "" {
			cure = "for a value that begins with -, put -- before it: " + cmd.CommandPath() + " … -- -" + given
		}
	case errors.As(err, &unknown):
		var near []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name := unknown.GetSpecifiedName(); strings.HasPrefix(f.Name, name) || len(f.Name) > 2 && strings.HasPrefix(name, f.Name) {
				near = append(near, f.Name)
			}
		})
		if len(near) > 0 {
			cure = "did you mean: " + dashed(near, ", ")
		}
	case errors.As(err, &empty):
		err = fmt.Errorf("--%s needs a value", empty.GetFlag().Name)
	case errors.As(err, &invalid) && invalid.GetFlag().Name == "json":
		err, cure = fmt.Errorf("%w: %q", errFields, invalid.GetValue()), fieldsHint(cmd, invalid.GetValue())
	case errors.As(err, &invalid):
		err = valueMistake(invalid)
	case errors.As(err, &syntax):
		err = fmt.Errorf("not a valid flag: %s", syntax.GetSpecifiedFlag())
	}
	return hint(usage(err), cure)
}

// valueMistake says what is wrong with the value of a flag.
func valueMistake(invalid *pflag.InvalidValueError) error {
	flag, number := invalid.GetFlag(), (*strconv.NumError)(nil)
	switch {
	case !errors.As(invalid, &number):
		return fmt.Errorf("--%s: %w", flag.Name, invalid.Unwrap())
	case flag.Value.Type() == "bool":
		return fmt.Errorf("--%s: not true or false: %q", flag.Name, invalid.GetValue())
	case errors.Is(number, strconv.ErrRange):
		return fmt.Errorf("--%s: too large: %s", flag.Name, invalid.GetValue())
	}
	return fmt.Errorf("--%s: not a whole number: %q", flag.Name, invalid.GetValue())
}

// fieldNames is what gh takes behind --json.
var fieldNames = regexp.MustCompile(`^[a-z_]+(,[a-z_]+)*$`)

// fieldsHint is for who writes fields behind --json, as for gh.
func fieldsHint(cmd *cobra.Command, fields string) string {
	if !fieldNames.MatchString(fields) {
		fields = "file"
	}
	return "select fields with --jq: " + cmd.CommandPath() + " --jq '.[] | {" + strings.ReplaceAll(fields, ",", ", ") + "}'"
}

// argumentMistake says which of the arguments of a command is one too many, or which is missing, and how the command is used. A
// repository goes behind a flag.
func argumentMistake(cmd *cobra.Command, args cobra.PositionalArgs, given []string) error {
	cure := "usage: " + cmd.UseLine()
	if cmd.Flags().Lookup("repo") != nil && len(given) > 0 {
		if t, err := hooks.ParseTarget(given[0]); err == nil && !t.IsOrg() {
			cure = "name a repository with -R: " + cmd.CommandPath() + " -R " + t.String()
		}
	}
	for n := len(given) - 1; n >= 0; n-- {
		switch {
		case args(cmd, given[:n]) != nil:
		case cmd.Flags().Changed("json") && fieldNames.MatchString(given[n]):
			return hint(usage(fmt.Errorf("%w: %q", errFields, given[n])), fieldsHint(cmd, given[n]))
		default:
			return hint(usage(fmt.Errorf("unexpected argument: %q", given[n])), cure)
		}
	}
	names := strings.Fields(cmd.Use)[1:]
	if len(names) == 0 {
		return hint(usage(args(cmd, given)), cure)
	}
	return hint(usage(fmt.Errorf("missing argument: %s", names[min(len(given), len(names)-1)])), cure)
}

// exclusive finds the flags in what cobra says of some that exclude each other.
var exclusive = regexp.MustCompile(`\[([^\]]*)\] were all set$`)

// flagsMistake says which flags do not go together.
func flagsMistake(cmd *cobra.Command) error {
	err := cmd.ValidateFlagGroups()
	if err == nil {
		return nil
	}
	if m := exclusive.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s cannot be given together", dashed(strings.Fields(m[1]), " and "))
	}
	return err
}

func dashed(flags []string, between string) string { return "--" + strings.Join(flags, between+"--") }

// parseRepository reads the name of a repository with parse, which knows the host.
func parseRepository(parse func(string) (hooks.Target, error), name string) (hooks.Target, error) {
	t, err := parse(name)
	if err == nil && t.IsOrg() {
		err = hint(fmt.Errorf("not a repository: %q", name), "write owner/repo, or --org "+name+" for the hooks of an organization")
	}
	return t, err
}

// parseOrganization reads the name of an organization likewise.
func parseOrganization(parse func(string) (hooks.Target, error), name string) (hooks.Target, error) {
	t, err := parse(name)
	if err == nil && !t.IsOrg() {
		err = fmt.Errorf("not an organization: %q", name)
	}
	return t, err
}

// hookID reads the id of a hook.
func hookID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, hint(usage(fmt.Errorf("not a valid hook id: %q", text)), "list the hooks: hookctl hooks list")
	}
	return id, nil
}

// hookIDs reads several.
func hookIDs(words []string) ([]int64, error) {
	var ids []int64
	for _, word := range words {
		id, err := hookID(word)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
