package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"hookctl/hooks/secret"
)

// steadySenders is the program senders of the stories. It sends signed deliveries to ADDR without a pause until it is
// interrupted. Half of its senders use a new connection each time, as GitHub does; the others keep theirs, as a tunnel or
// a proxy does. Then it waits until each accepted delivery is a record, and reports.
func steadySenders() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	home := os.Getenv("HOOKCTL_HOME")
	env, err := secret.OpenEnv(filepath.Join(home, ".env"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	key, _ := env.Get("GITHUB_WEBHOOK_SECRET")
	var t tally
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() { t.send(ctx, os.Getenv("ADDR"), key, i%2 == 0) })
	}
	senders.Wait()
	recorded := awaitRecords(filepath.Join(home, "webhook_logs"), t.accepted)
	fmt.Printf("accepted %d, refused %d, recorded %d\n", t.accepted, t.refused, recorded)
	if t.accepted == 0 || t.refused > 0 || recorded != t.accepted {
		os.Exit(1)
	}
}

// tally counts what became of the deliveries.
type tally struct {
	mu                sync.Mutex
	accepted, refused int
}

func (t *tally) send(ctx context.Context, address, key string, fresh bool) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: fresh}, Timeout: storyPatience}
	defer client.CloseIdleConnections()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		body := fmt.Appendf(nil, `{"n":%d}`, n)
		err := post(&client, address, key, body)
		t.mu.Lock()
		if err == nil {
			t.accepted++
		} else {
			t.refused++
			fmt.Fprintf(os.Stderr, "%s on a new connection %t: %v\n", time.Now().Format(time.StampMicro), fresh, err)
		}
		t.mu.Unlock()
		<-pace.C
	}
}

// post sends one delivery, which is refused unless the answer is 200. A delivery under way is never dropped: what became
// of it has to be known.
func post(client *http.Client, address, key string, body []byte) error {
	req, err := http.NewRequest(http.MethodPost, "http://"+address+"/webhook", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", uuid.NewString())
	req.Header.Set("X-Hub-Signature-256", secret.Sign(key, body))
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s", res.Status, answer)
	}
	return nil
}

// awaitRecords waits until the log has that many records, and returns how many it has.
func awaitRecords(dir string, want int) int {
	deadline := time.Now().Add(storyPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(dir, "*_push*.json"))
		if err != nil {
			return 0
		}
		if len(files) >= want || time.Now().After(deadline) {
			return len(files)
		}
		<-tick.C
	}
}
