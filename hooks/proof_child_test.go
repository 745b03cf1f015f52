package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"hookctl/hooks/githubtest"
)

// What a child process has to do.
const (
	orderRotate  = "rotate"
	orderPerHook = "per-hook"
	orderUndo    = "undo"
	orderResume  = "resume"
)

// childOrder is all that a child knows.
type childOrder struct {
	What                   string
	Socket, Home, Receiver string
	Repositories           []string
	IDs                    []int64
}

const exitUnfinished = 3

// rotateInChild is the whole program of a child.
func rotateInChild() int {
	var o childOrder
	if err := json.Unmarshal([]byte(os.Getenv(rotateChild)), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var list []Hook
	for i, name := range o.Repositories {
		target, err := ParseTarget(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		list = append(list, Hook{ID: o.IDs[i], Target: target})
	}
	client, err := New(Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: o.Socket, Limits: fast()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	get := func(ctx context.Context, path string, query url.Values) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.Receiver+path+"?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return io.ReadAll(res.Body)
	}
	r := &Rotator{Client: client, Store: storeIn(o.Home), Wait: 10 * time.Second, PerHook: o.What == orderPerHook,
		Accept: func(ctx context.Context, prints []string) error {
			raw, err := get(ctx, "/reload", nil)
			if err != nil {
				return err
			}
			for _, p := range prints {
				if !strings.Contains(string(raw), p) {
					return fmt.Errorf("the receiver accepts %s, not %s", raw, p)
				}
			}
			return nil
		},
		Confirm: func(ctx context.Context, hookID int64, print string, since time.Time) error {
			_, err := get(ctx, "/confirm", url.Values{"ping": {itoa(hookID) + " " + print}, "since": {itoa(since.UnixNano())}})
			return errors.Join(err, ctx.Err())
		}}
	fmt.Println("rotating")
	switch ctx := context.Background(); o.What {
	case orderResume:
		_, err = r.Resume(ctx)
	case orderUndo:
		_, err = r.Undo(ctx)
	default:
		_, err = r.Rotate(ctx, list, proofGrace)
	}
	switch {
	case errors.Is(err, ErrUnfinished):
		return exitUnfinished
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
