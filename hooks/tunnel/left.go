package tunnel

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// leftOver are the processes that a receiver which was killed left behind: programs of the tunnel that nobody is the parent of any
// more, with the arguments that Run gives them for this port. list is what `ps -axo pid=,ppid=,args=` printed.
func leftOver(list, kind string, args []string) (pids []int) {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) < 3+len(args) || words[1] != "1" || !strings.HasSuffix("/"+words[2], "/"+kind) {
			continue
		}
		theirs := words[3:]
		if at := slices.Index(args, "--metrics"); at >= 0 { // its port is another one every time
			args, theirs = slices.Clone(args), slices.Clone(theirs)
			args[at+1], theirs[at+1] = "", ""
		}
		pid, err := strconv.Atoi(words[0])
		if err == nil && slices.Equal(theirs, args) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// endLeftOver ends them where the system does not do so by itself.
func (w *watch) endLeftOver(ctx context.Context) {
	if runtime.GOOS == "linux" || runtime.GOOS == "windows" {
		return
	}
	list, err := w.command(ctx, "ps", "-axo", "pid=,ppid=,args=").Output()
	if err != nil {
		w.Logger.Debug("look for tunnels that were left behind", "error", err)
		return
	}
	for _, pid := range leftOver(string(list), w.kind, w.args) {
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Signal(os.Interrupt)
		}
		w.Logger.Info("ended a tunnel that a killed receiver left behind", "kind", w.kind, "pid", pid, "error", err)
	}
}
