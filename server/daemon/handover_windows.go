package daemon

import (
	"context"
	"errors"
	"net/http"
)

// canHandOver: Windows has no way to pass a listening socket through a unix socket. A restart frees the port first.
const canHandOver = false

func takeOver(context.Context, string) ([]inherited, error) {
	return nil, errors.New("handover: listening sockets cannot be passed on under Windows")
}

func (i *Instance) handOver(Control) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotImplemented, failure{Error: "listening sockets cannot be passed on under Windows"})
	}
}
