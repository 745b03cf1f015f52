package sink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/cenkalti/backoff/v5"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"hookctl/logs/text"
)

// chat sends to people through shoutrrr: Slack, Discord, Teams, Telegram, ntfy, Matrix, mail and more, by one URL
// (https://shoutrrr.nickfedor.com/services). The URL holds the keys of the service, so it is shown nowhere, and of an error of
// the library, which often repeats it, only what classifies it is used.
type chat struct {
	Config
	service string
	// slot is held while a message is sent. The library knows no context, so a call that hangs keeps the slot until it
	// ends, and no second one is started beside it.
	slot chan struct{}
	made types.Service // opened with the first message, since that of Matrix logs in
}

// medium is what a service of shoutrrr takes besides the text.
type medium struct {
	limit      int      // characters of a message
	title      string   // parameter that takes the subject; "" puts it above the text
	priorities []string // values of the parameter priority from low to urgent; nil for none
}

// mediumOf is what a service takes; one that has no row takes 3,500 characters of text.
func mediumOf(service string) medium {
	m, known := map[string]medium{
		"bark":       {limit: 2000, title: "title"},
		"discord":    {limit: 1900},
		"gotify":     {limit: 8000, title: "title", priorities: []string{"2", "5", "8", "10"}},
		"join":       {limit: 2000, title: "title"},
		"matrix":     {limit: 8000},
		"mattermost": {limit: 8000},
		"ntfy":       {limit: 3500, title: "title", priorities: []string{"low", "default", "high", "max"}},
		"pushbullet": {limit: 2000, title: "title"},
		"pushover":   {limit: 1000, title: "title", priorities: []string{"-1", "0", "1", "1"}},
		"rocketchat": {limit: 4500},
		"smtp":       {limit: 8000, title: "subject"},
		"teams":      {limit: 8000},
		"zulip":      {limit: 8000},
	}[service]
	if !known {
		m.limit = 3500
	}
	return m
}

// errChatURL names no part of the URL.
var errChatURL = errors.New("the URL is not one that shoutrrr understands; see https://shoutrrr.nickfedor.com/services for its form")

func newChat(c Config) (Sink, error) {
	if c.URL == "" {
		return nil, errors.New("url_from: the variable with the URL of the chat is not set")
	}
	r := &router.ServiceRouter{}
	service, _, err := r.ExtractServiceName(c.URL)
	if err != nil {
		return nil, errChatURL
	}
	if _, err := r.NewService(service); err != nil || service == "logger" {
		return nil, errChatURL
	}
	s := &chat{Config: c, service: strings.ToLower(service), slot: make(chan struct{}, 1)}
	if s.service != "matrix" {
		if _, err := s.open(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// open needs the slot.
func (c *chat) open() (types.Service, error) {
	if c.made != nil {
		return c.made, nil
	}
	made, err := (&router.ServiceRouter{}).Locate(c.URL)
	if err != nil {
		if c.service == "matrix" {
			return nil, fmt.Errorf("cannot log in to matrix: %w", classed(err))
		}
		return nil, errChatURL
	}
	c.made = made
	return made, nil
}

// Send gives the message the form of its medium. The library returns no id.
func (c *chat) Send(ctx context.Context, m Message) (string, error) {
	body, params := chatMessage(mediumOf(c.service), m)
	return "", c.do(ctx, func() error {
		service, err := c.open()
		if err != nil {
			return err
		}
		return service.Send(body, &params)
	})
}

// Check opens the service. Only that of Matrix shows whether a message would arrive; the others cannot be asked.
func (c *chat) Check(ctx context.Context) error {
	return c.do(ctx, func() error {
		_, err := c.open()
		return err
	})
}

func (c *chat) do(ctx context.Context, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	select {
	case c.slot <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s has not answered the last message yet: %w", c.service, ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-c.slot }()
		done <- call()
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s does not answer: %w", c.service, ctx.Err())
	case err := <-done:
		if err == nil || errors.Is(err, errChatURL) {
			return err
		}
		return chatError(c.service, err)
	}
}

var (
	errRefused  = errors.New("it refused the message")
	errNoHost   = errors.New("its host cannot be found")
	errNoAnswer = errors.New("it cannot be reached")
	httpStatus  = regexp.MustCompile(`\b[45]\d\d\b`)
)

// classed is what may be said of an error of the library: never its text.
func classed(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return errNoHost
	case errors.As(err, &op):
		return errNoAnswer
	}
	if status := httpStatus.FindString(err.Error()); status != "" {
		return fmt.Errorf("the answer is %s", status)
	}
	return errRefused
}

// chatError says whether trying again can help: a busy or broken service may recover, a refusal stays one.
func chatError(service string, err error) error {
	why := classed(err)
	failed := fmt.Errorf("cannot send to %s: %w", service, why)
	status := httpStatus.FindString(why.Error())
	if status == "" || status[0] == '5' || slices.Contains([]string{"408", "425", "429"}, status) {
		return failed
	}
	return backoff.Permanent(failed)
}

// chatMessage is a message in the form of its medium: what matters first, at most as long as the medium takes, with the link
// at its end kept.
func chatMessage(to medium, m Message) (string, types.Params) {
	params := types.Params{}
	subject, body := forPeople(m.Subject), forPeople(m.Text)
	if to.priorities != nil {
		params["priority"] = to.priorities[max(0, slices.Index(Priorities(), m.Priority))]
	}
	if to.title != "" {
		params[to.title] = subject
	} else {
		mark := map[string]string{"high": "❗ ", "urgent": "🚨 "}[m.Priority]
		body = mark + subject + "\n" + body
	}
	link := ""
	if at := strings.LastIndexByte(body, ' '); at >= 0 && (strings.HasPrefix(body[at+1:], "https://") || strings.HasPrefix(body[at+1:], "http://")) {
		link = body[at:]
	}
	if len([]rune(body)) > to.limit {
		body = text.Cut(strings.TrimSuffix(body, link), to.limit-len(link)) + link
	}
	return body, params
}

// mention and markup are what chat services act on: @everyone, <!channel>, <https://…|words> and [words](https://…).
var (
	mention = regexp.MustCompile(`(^|[^\w.+-])@(\w)`)
	markup  = regexp.MustCompile(`<(\S)`)
)

// forPeople takes from text what would call people or hide where a link leads.
func forPeople(s string) string {
	s = mention.ReplaceAllString(s, "$1@ $2")
	s = markup.ReplaceAllString(s, "< $1")
	return strings.ReplaceAll(s, "](", "] (")
}
