package daemon

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"hookctl/logs/jsonfile"
)

// StateDir is the directory below home for what must not vanish and is not a setting: the flags of the last start, the
// targets of the fleet.
func StateDir(home string) string { return filepath.Join(home, "state") }

// startRecord is what start.json holds.
type startRecord struct {
	Flags []string `json:"flags"`
}

func startFile(home string) string { return filepath.Join(StateDir(home), "start.json") }

// LastFlags are the flags that the receiver of home was last started with, and that Restart keeps; none where that is not known.
func LastFlags(home string) []string {
	record, _ := jsonfile.Read[startRecord](startFile(home)) // nothing beside an error
	return record.Flags
}

// remember keeps the flags of cfg for the next restart. The receiver runs already, so a failure is a notice.
func remember(cfg Config) {
	record := startRecord{Flags: []string{}}
	if len(cfg.Args) > 1 {
		record.Flags = cfg.Args[1:]
	}
	if err := jsonfile.Write(startFile(cfg.Home), record); err != nil && len(record.Flags) > 0 {
		cfg.notice("cannot save the flags for a start after a crash: %v", err)
	}
}

// keep adds the flags that the receiver was started with to those of cfg, which override them. A receiver that runs knows
// its own best; for one that does not answer, the record of its start stands in.
func keep(cfg Config, running Status) Config {
	if len(cfg.Args) == 0 {
		return cfg
	}
	args := running.Args
	if len(args) == 0 && running.PID != 0 {
		args = arguments(running.PID) // an older one, which does not say
	}
	var flags []string
	if len(args) > 0 && args[0] == cfg.Args[0] {
		flags = args[1:]
	} else {
		record, err := jsonfile.Read[startRecord](startFile(cfg.Home))
		flags = record.Flags
		switch {
		case errors.Is(err, fs.ErrNotExist) && running.PID != 0:
			cfg.notice("nothing says which flags the receiver was started with; it starts with the settings")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			cfg.notice("read the flags of the last start: %v; the receiver starts with the settings", err)
		}
	}
	cfg.Args = slices.Concat(cfg.Args[:1], mergeFlags(flags, cfg.Args[1:]))
	return cfg
}

// mergeFlags gives the old flags without those that are among the new, and then the new.
func mergeFlags(old, now []string) []string {
	var merged []string
	override := map[string]bool{}
	for _, flag := range splitFlags(now) {
		override[flagName(flag)] = true
	}
	for _, flag := range splitFlags(old) {
		if !override[flagName(flag)] {
			merged = append(merged, flag...)
		}
	}
	return append(merged, now...)
}

// splitFlags parts arguments into flags: "--port 1", "--port=1" and "--debug" are one each.
func splitFlags(args []string) [][]string {
	var flags [][]string
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || len(flags) == 0 {
			flags = append(flags, nil)
		}
		last := len(flags) - 1
		flags[last] = append(flags[last], arg)
	}
	return flags
}

func flagName(flag []string) string {
	name, _, _ := strings.Cut(flag[0], "=")
	return name
}
