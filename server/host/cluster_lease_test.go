package host

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hookctl/hooks/tunnel"
	"hookctl/server/cluster"
)

// runTestTunnel is a cloudflared that leads nowhere. It writes down what it would lead to.
func runTestTunnel(args []string) error {
	flags := flag.NewFlagSet("tunnel", flag.ContinueOnError)
	metrics, url := flags.String("metrics", "", ""), flags.String("url", "", "")
	flags.Bool("no-autoupdate", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	program, err := exec.LookPath(tunnel.Cloudflared)
	if err != nil {
		return err
	}
	list, err := os.OpenFile(filepath.Join(filepath.Dir(program), "opened"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(list, *url); err != nil {
		return err
	}
	http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/quicktunnel", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"hostname":"x.trycloudflare.com"}`) })
	return http.ListenAndServe(*metrics, nil) // #nosec G114 -- until it is ended
}

// The tunnel, the reminders and the catch-up are one node's at a time. When that is killed or stopped, another one takes them
// over, and the tunnel leads to that.
func TestClusterDoesOnOneNodeWhatOneIsEnoughFor(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, tunnel.Cloudflared)); err != nil {
		t.Skipf("no links here: %v", err)
	}
	w := newWorld(t, worldOptions{change: func(c *testNode) { c.Tunnel, c.path = tunnel.Cloudflared, dir }}).start()
	for _, end := range []func(*node){(*node).kill, (*node).stop} {
		before := w.agreed(nil)
		owner := w.by("tunnel")
		w.tunnel(dir, owner)
		end(owner)
		after := w.agreed(owner)
		for role, l := range after {
			if was := before[role]; was.Node == owner.name() && l.Token <= was.Token {
				t.Errorf("the lease %s of node %s has the token %d, and that of node %s before it %d", role, l.Node, l.Token, was.Node, was.Token)
			}
		}
		w.tunnel(dir, w.by("tunnel"))
		owner.start()
		w.back(owner)
	}
}

// tunnel waits until the newest tunnel leads to a node.
func (w *world) tunnel(dir string, to *node) {
	w.t.Helper()
	w.wait("the tunnel to lead to node "+to.name(), func() bool {
		data, err := os.ReadFile(filepath.Join(dir, "opened"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			w.t.Fatal(err)
		}
		lines := strings.Fields(string(data))
		return len(lines) > 0 && strings.HasSuffix(lines[len(lines)-1], fmt.Sprintf(":%d", to.config.Port))
	})
}

// agreed are the leases, once every node but one that is gone says the same of them and that one has none.
func (w *world) agreed(gone *node) (leases map[string]cluster.Lease) {
	w.t.Helper()
	w.wait("the nodes to agree who has the leases", func() bool {
		leases = nil
		for _, n := range w.nodes {
			if n == gone {
				continue
			}
			s, err := n.status()
			if err != nil {
				return false
			}
			for _, role := range []string{"tunnel", leaseSync, leaseCatchUp} {
				l, held := s.Leases[role]
				if !held || gone != nil && l.Node == gone.name() || leases != nil && leases[role] != l {
					return false
				}
			}
			leases = s.Leases
		}
		return true
	})
	return leases
}
