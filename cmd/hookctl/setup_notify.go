package main

import (
	"context"
	"slices"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/server/fleet"
)

// chatVariable holds the URL of the chat that setup asked for.
const chatVariable = "HOOKCTL_CHAT_URL"

func isChat(sink settings.Sink) bool    { return sink.Type == "chat" }
func isMaestro(sink settings.Sink) bool { return sink.Type == "aimaestro" }

// saveNotify keeps who is notified, as setup asked for it: AI Maestro, a chat whose URL goes into .env, and notify_also. Other
// sinks stay as they are.
func (p *program) saveNotify(ctx context.Context, n fleet.Notify) error {
	s, err := settings.Load(p.environ)
	if err != nil {
		return err
	}
	if n.Chat && n.ChatURL != "" {
		env, err := secret.OpenEnv(s.EnvFile())
		if err != nil {
			return err
		}
		env.Set(chatVariable, n.ChatURL)
		if err := env.Save(); err != nil {
			return err
		}
	}
	if err := s.Save("sinks", notified(s.Sinks, n)); err != nil {
		return err
	}
	if !slices.Equal(s.NotifyAlso, n.Also) {
		if err := s.Save("notify_also", append([]string{}, n.Also...)); err != nil {
			return err
		}
	}
	return p.reloadReceiver(ctx, s.Home)
}

// notified are the sinks with those that setup asks for changed.
func notified(sinks []settings.Sink, n fleet.Notify) []settings.Sink {
	sinks = append([]settings.Sink{}, sinks...)
	switch at := slices.IndexFunc(sinks, isMaestro); {
	case n.Sink == "":
		sinks = slices.DeleteFunc(sinks, isMaestro)
	case at >= 0:
		sinks[at].URL, sinks[at].To = n.Sink, n.Agent
	default:
		sinks = append(sinks, settings.Sink{Type: "aimaestro", URL: n.Sink, To: n.Agent, From: "hookctl"})
	}
	at := slices.IndexFunc(sinks, isChat)
	switch {
	case !n.Chat:
		return slices.DeleteFunc(sinks, isChat)
	case at < 0:
		return append(sinks, settings.Sink{Type: "chat", URLFrom: chatVariable})
	case n.ChatURL != "":
		sinks[at].URLFrom = chatVariable
	}
	return sinks
}
