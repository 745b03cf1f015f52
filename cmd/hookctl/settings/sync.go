package settings

import (
	"time"

	"hookctl/hooks/tasks"
)

// Tasks is the block sync as project sync takes it.
func (s *Settings) Tasks() tasks.Settings {
	c := s.Sync
	logs := c.CI.Logs
	if logs == "auto" {
		logs = ""
	}
	return tasks.Settings{
		Mode:         c.Mode,
		Repositories: c.Repositories,
		CI: tasks.CISettings{
			Branches: c.CI.Branches, PerJob: c.CI.Per == "job", Labels: c.CI.Labels, Logs: logs,
			KeepOpen: c.CI.Close == "never", ReopenWithin: time.Duration(c.CI.ReopenWithin),
		},
		Merged:  tasks.MergedSettings{Close: c.Merged.Close, Comment: c.Merged.Comment == "on"},
		Blocked: tasks.BlockedSettings{Label: c.Blocked.Label, Remind: time.Duration(c.Blocked.Remind), Sinks: c.Blocked.Sinks},
		Board: tasks.BoardSettings{
			Project: c.Board.Project, Field: c.Board.Field, Todo: c.Board.Todo, InProgress: c.Board.InProgress,
			InReview: c.Board.InReview, Blocked: c.Board.Blocked, DoneName: c.Board.Done,
		},
	}
}
