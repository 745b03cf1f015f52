package doctor

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// do carries a fix out as a person would who types its commands, and reports false where it is advice instead, or a command
// that needs more than this world has.
func (w *world) do(fix string) bool {
	w.t.Helper()
	var commands [][]string
	for part := range strings.SplitSeq(strings.ReplaceAll(fix, "; then ", "; "), "; ") {
		words := strings.Fields(strings.ReplaceAll(part, "https://…", public))
		switch {
		case len(words) < 2 || words[0] != "hookctl" && words[0] != "chmod":
			return false
		case words[1] == "events" || words[1] == "config" || words[1] == "service": // stories of the built program do these
			return false
		}
		commands = append(commands, words)
	}
	for _, words := range commands {
		if words[0] == "chmod" {
			if out, err := exec.CommandContext(w.t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
				w.t.Fatalf("%s: %v", out, err)
			}
			continue
		}
		if err := w.run(words[1:]); err != nil {
			w.t.Fatalf("hookctl %s: %v\nhint: %s", strings.Join(words[1:], " "), err, hooks.CureOf(err))
		}
	}
	return len(commands) > 0
}

// run is a command of hookctl.
func (w *world) run(words []string) error {
	var at []hooks.Target
	var url string
	var ids []int64
	for i, word := range words {
		switch id, err := strconv.ParseInt(word, 10, 64); {
		case word == "-R":
			t, err := hooks.ParseTarget(words[i+1])
			if err != nil {
				return err
			}
			at = append(at, t)
		case word == "--url":
			url = words[i+1]
		case err == nil:
			ids = append(ids, id)
		}
	}
	ctx, all := w.t.Context(), w.config().Fleet
	var hook fleet.Hook
	if words[0] == "hooks" && len(ids) > 0 {
		var err error
		if hook, err = all.Find(ctx, ids[0], at); err != nil {
			return err
		}
	}
	switch strings.Join(words[:min(2, len(words))], " ") {
	case "start":
		w.start()
		w.cfg.Address = w.status.Address
		return nil
	case "restart":
		w.restart()
		return nil
	case "reload":
		_, err := daemon.Dial(w.home).Reload(ctx)
		return err
	case "secret generate":
		value, err := secret.Generate()
		if err == nil {
			w.setSecret(value)
		}
		return err
	case "hooks ping":
		_, err := all.Prove(ctx, hook.Hook, 0)
		return err
	case "hooks enable":
		_, err := all.SetActive(ctx, hook.Hook, true)
		return err
	case "hooks delete":
		return all.Delete(ctx, hook.Hook)
	case "hooks forget":
		return all.Forget(ctx, at[0])
	case "rotate --resume":
		_, err := all.Resume(ctx, nil)
		return err
	}
	switch words[0] {
	case "setup":
		if len(at) == 0 { // those that the fleet remembers
			at, url = []hooks.Target{target()}, public
		}
		plan, err := all.PlanSetup(ctx, fleet.SetupRequest{Targets: at, URL: url, Adopt: slices.Contains(words, "--adopt")})
		if err != nil {
			return err
		}
		report, err := all.Setup(ctx, plan, nil)
		for _, r := range report.Results {
			if r.Err != nil {
				return r.Err
			}
		}
		return err
	case "rotate":
		plan, err := all.PlanRotation(ctx, fleet.RotateRequest{Targets: at, IDs: ids})
		if err != nil {
			return err
		}
		_, err = all.Rotate(ctx, plan, nil)
		return err
	case "catchup":
		report, err := all.CatchUp(ctx, fleet.CatchUpRequest{Targets: at}, w.ingest)
		for _, e := range report.Events {
			w.await(e.DeliveryID, "")
		}
		return err
	}
	w.t.Fatalf("no such command: %q", words)
	return nil
}

// restart replaces the receiver by one with the settings of now, as hookctl restart does.
func (w *world) restart() {
	w.end()
	w.set(func() {
		w.answer = 0
		w.status.Version, w.status.LogDir, w.status.Stopping = w.cfg.Version, w.cfg.Logs.Dir, false
		w.status.Alarm, w.status.Alarms = "", nil
	})
	w.start()
	w.cfg.Address = w.status.Address
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}
