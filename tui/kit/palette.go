package kit

import tea "charm.land/bubbletea/v2"

// openPalette offers every action of the page, with the reason where one is
// off.
func (s *Shell) openPalette() tea.Cmd {
	var choices, moves []Choice
	for _, act := range s.Actions() {
		c := Choice{Text: act.Text, Right: act.keyNames(s.Theme.Ascii), Detail: act.Command, off: act.Off,
			Run: func() tea.Cmd { return s.perform(act) }}
		switch {
		case act.ID == "palette":
		case act.Move:
			moves = append(moves, c)
		default:
			choices = append(choices, c)
		}
	}
	choices = append(choices, moves...)
	s.Show(NewMenu(s, "Commands", choices))
	return nil
}

// openCommands offers the command lines of the page's actions for copying.
func (s *Shell) openCommands() tea.Cmd {
	var choices []Choice
	for _, act := range s.Actions() {
		if act.Command == "" {
			continue
		}
		choices = append(choices, Choice{Text: act.Command, Right: KeyName(act.Keys[0], s.Theme.Ascii), Detail: act.Text,
			Run: func() tea.Cmd { return s.Copy(act.Command, act.Command) }})
	}
	if len(choices) == 0 {
		return s.Warn("nothing here has a command line")
	}
	s.Show(NewMenu(s, "Copy a command line", choices))
	return nil
}
