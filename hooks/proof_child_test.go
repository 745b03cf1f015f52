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

// wireOrder is a proofOrder as it goes to the child: a Hook's own JSON is for people.
type wireOrder struct {
	Socket, Home, Receiver string
	Repositories           []string
	IDs                    []int64
	Resume                 bool
}

func (o proofOrder) wire() wireOrder {
	out := wireOrder{Socket: o.Socket, Home: o.Home, Receiver: o.Receiver, Resume: o.Resume}
	for _, h := range o.Hooks {
		out.Repositories, out.IDs = append(out.Repositories, h.Target.String()), append(out.IDs, h.ID)
	}
	return out
}

const exitUnfinished = 3

// rotateInChild is the whole program of a child.
func rotateInChild() int {
	var o wireOrder
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
	r := &Rotator{Client: client, Store: storeIn(o.Home), Wait: 10 * time.Second,
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
	if o.Resume {
		_, err = r.Resume(context.Background())
	} else {
		_, err = r.Rotate(context.Background(), list, proofGrace)
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
