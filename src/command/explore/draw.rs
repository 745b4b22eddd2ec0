//! Puts lines on the screen in colours; with `NO_COLOR` in bold and reverse alone.

use ratatui::{
    Frame,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line as Text, Span as Piece},
};

use super::{
    screen::{Line, Role},
    state::State,
};

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, is_coloured: bool) {
    let screen = frame.area();
    for pane in state.screen(screen.width, screen.height) {
        let area = Rect::new(pane.area.x, pane.area.y, pane.area.width, pane.area.height).intersection(screen);
        for (line, y) in pane.lines.iter().zip(area.top()..area.bottom()) {
            let place = Rect { y, height: 1, ..area };
            let buffer = frame.buffer_mut();
            buffer.set_line(place.x, y, &text(&line.cut(place.width), is_coloured), place.width);
            if let Some(active) = line.cursor {
                let modifier = if active { Modifier::REVERSED } else { Modifier::UNDERLINED };
                buffer.set_style(place, Style::new().add_modifier(modifier));
            }
        }
    }
}

fn text(line: &Line, is_coloured: bool) -> Text<'_> {
    let pieces = line.spans.iter().map(|span| Piece::styled(span.text.as_str(), style(span.role, is_coloured)));
    pieces.collect()
}

fn style(role: Role, is_coloured: bool) -> Style {
    let (colour, modifier) = match role {
        Role::Plain => return Style::new(),
        Role::Strong => return Style::new().add_modifier(Modifier::BOLD),
        Role::Faint => return Style::new().add_modifier(Modifier::DIM),
        Role::Title => (Color::Cyan, Modifier::BOLD),
        Role::Added => (Color::Green, Modifier::empty()),
        Role::Modified => (Color::Yellow, Modifier::empty()),
        Role::Metadata => (Color::Blue, Modifier::empty()),
        Role::Removed => (Color::Red, Modifier::empty()),
    };
    let style = Style::new().add_modifier(modifier);
    if is_coloured { style.fg(colour) } else { style }
}
