package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what is seen into the stories and golden files")

// TestMain lets the stories run the built program: this test binary under the name hookctl.
func TestMain(m *testing.M) {
	// Most of the time a story waits for another process, a ping or a pause. -parallel, which is read after this, still counts.
	if err := flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"hookctl": main, "gh-hookctl": main, "cloudflared": cloudflared, "senders": steadySenders})
}

// cloudflared plays the tunnel program: a quick tunnel, reported where --metrics says. Its name is what the file quick of the
// home says, its process number goes into the file quick.pid.
func cloudflared() {
	flags := flag.NewFlagSet("cloudflared", flag.ExitOnError)
	metrics := flags.String("metrics", "", "")
	flags.String("url", "", "")
	flags.Bool("no-autoupdate", false, "")
	if err := flags.Parse(os.Args[2:]); err != nil { // after "tunnel"
		os.Exit(2)
	}
	file := filepath.Join(os.Getenv("HOOKCTL_HOME"), "quick")
	name, err := os.ReadFile(file)
	err = errors.Join(err, os.WriteFile(file+".pid", strconv.AppendInt(nil, int64(os.Getpid()), 10), 0o600))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":200}`) })
	mux.HandleFunc("/quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, strings.TrimSpace(string(name)))
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(*metrics, mux))
	os.Exit(1)
}

// storyPatience bounds every wait of a story. A healthy run never comes near it.
const storyPatience = 3 * time.Minute

// TestStories shows what a person does with the program, one file of testdata each.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, storyParams("testdata"))
}

// storyParams are the words that the stories of a directory are written in.
func storyParams(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpStory,
		Condition: func(name string) (bool, error) {
			if name == "gh" {
				return hasGH(), nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"github":    cmdGitHub,
			"fault":     cmdFault,
			"traffic":   cmdTraffic,
			"past":      cmdPast,
			"deliver":   cmdDeliver,
			"hooks":     cmdHooks,
			"maestro":   cmdMaestro,
			"post":      cmdPost,
			"await":     cmdAwait,
			"count":     cmdCount,
			"edit":      cmdEdit,
			"ui":        cmdUI,
			"exits":     cmdExits,
			"killpid":   cmdKillPID,
			"get":       cmdGet,
			"jq":        cmdJQ,
			"interrupt": cmdInterrupt,
			"stirring":  cmdStirring,
			"happens":   cmdHappens,
			"issues":    cmdIssues,
		},
	}
}

// setUpStory gives each story a world of its own and nothing of the user's.
func setUpStory(env *testscript.Env) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if err := w.close(); err != nil {
			env.T().Fatal(err.Error())
		}
	})
	for _, pair := range w.environ(env.WorkDir) {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	metrics, err := freePort(context.Background())
	if err != nil {
		return err
	}
	env.Setenv("METRICS", net.JoinHostPort("127.0.0.1", strconv.Itoa(metrics)))
	env.Setenv("ADDR", net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port)))
	return nil
}
