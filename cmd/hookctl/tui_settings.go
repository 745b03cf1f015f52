package main

import (
	"context"
	"errors"
	"fmt"

	"hookctl/cmd/hookctl/settings"
	"hookctl/tui"
)

// settingsSource is what the Settings page shows and does. Each call reads the settings of that moment.
func (p *program) settingsSource(now *settings.Settings) tui.Settings {
	changed := func(ctx context.Context, key string, do func(*settings.Settings) error) (string, error) {
		done, err := p.changeSetting(ctx, key, do)
		if err != nil {
			return "", err
		}
		if done.Warning != "" {
			return done.String() + "; warning: " + done.Warning, nil
		}
		return done.String(), nil
	}
	return tui.Settings{
		File: now.File, First: shownSettings(now),
		Load: func() ([]tui.Setting, error) {
			s, err := settings.Load(p.environ)
			if err != nil {
				return nil, err
			}
			return shownSettings(s), nil
		},
		Set: func(ctx context.Context, key, value string) (string, error) {
			return changed(ctx, key, func(s *settings.Settings) error { return s.Set(key, value) })
		},
		Unset: func(ctx context.Context, key string) (string, error) {
			return changed(ctx, key, func(s *settings.Settings) error { return s.Unset(key) })
		},
		Edit:  p.editSettings,
		Check: p.checkSink,
		Test:  func(ctx context.Context) error { return p.sendSample(ctx, "workflow_run.failure") },
	}
}

// shownSettings are the settings as the page shows them.
func shownSettings(s *settings.Settings) []tui.Setting {
	rows := s.Rows()
	all := make([]tui.Setting, len(rows))
	for i, row := range rows {
		all[i] = tui.Setting{
			Key: row.Key, Value: row.Text, Origin: row.Origin, About: row.Doc, Default: row.Default, Values: row.Enum, Saved: row.InFile,
			List: row.Shape == settings.List, Block: row.Shape == settings.Block, Fixed: row.Shape == settings.Fixed,
		}
	}
	return all
}

// checkSink asks a sink of the settings, by its place in the list, whether a notification would arrive.
func (p *program) checkSink(ctx context.Context, i int) (string, error) {
	s, err := settings.Load(p.environ)
	if err != nil {
		return "", err
	}
	sinks, err := s.SinkConfigs()
	if err != nil {
		return "", err
	}
	if i >= len(sinks) {
		return "", errors.New("the sink is not in the settings any more")
	}
	probe := sinkProbe(sinks[i])
	said, err := probe.Check(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", probe.Name, err)
	}
	return probe.Name + ": " + said, nil
}
