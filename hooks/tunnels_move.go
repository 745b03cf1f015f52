package hooks

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Move points every hook whose URL lies at one public address to another one, because a tunnel has changed its address:
// the path stays, and so do the secret and everything else. It returns the hooks that it moved, as they are now, also
// where other targets failed.
func (c *Client) Move(ctx context.Context, targets []Target, from, to string) ([]Hook, error) {
	moved, errs := make([][]Hook, len(targets)), make([]error, len(targets))
	each(len(targets), c.limits.Concurrent, func(i int) {
		list, err := c.List(ctx, targets[i])
		if err != nil {
			errs[i] = err
			return
		}
		for _, h := range list {
			address, lies := MoveURL(h.URL, from, to)
			if h.Name != "web" || !lies || address == h.URL {
				continue
			}
			if err := c.Configure(ctx, h.Target, h.ID, ConfigChange{URL: &address}); err != nil {
				errs[i] = errors.Join(errs[i], err)
				continue
			}
			h.URL = address
			moved[i] = append(moved[i], h)
		}
	})
	return slices.Concat(moved...), errors.Join(errs...)
}

// MoveURL returns a hook's URL at another public address, where it lies at the first one.
func MoveURL(hook, from, to string) (address string, lies bool) {
	h, err := parseURL(hook)
	f, fromErr := parseURL(from)
	if err != nil || fromErr != nil || h.Scheme != f.Scheme || h.Host != f.Host {
		return "", false
	}
	rest, below := strings.CutPrefix(h.RawPath, f.RawPath)
	if !below || rest != "" && rest[0] != '/' {
		return "", false
	}
	address = strings.TrimRight(to, "/") + rest
	if h.RawQuery != "" {
		address += "?" + h.RawQuery
	}
	return address, true
}
