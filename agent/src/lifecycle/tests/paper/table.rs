//! The machine's table: a section a state.

use super::{Edge, KINDS, Machine, Place};
use crate::lifecycle::Kind;

/// Every state, and what follows in it from what.
pub(super) fn write(machine: &Machine) -> String {
    let mut text = String::new();
    for kind in KINDS {
        text += &format!("## {}\n\n", title(kind));
        for (place, _) in &machine.places {
            if matches!(place, Place::In(of, _) if *of == kind) {
                text += &section(machine, *place);
            }
        }
    }
    text += "## Whatever it was at\n\n";
    for (place, _) in &machine.places {
        if matches!(place, Place::GoingDown(_)) {
            text += &section(machine, *place);
        }
    }
    text
}

pub(super) fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Launch => "Launch: into service",
        Kind::WarmEnter => "WarmEnter: into the warm pool",
        Kind::WarmReturn => "WarmReturn: back into the warm pool",
        Kind::Terminate => "Terminate: out of the group",
    }
}

fn section(machine: &Machine, place: Place) -> String {
    let mut rows: Vec<(Vec<&str>, Place, &str)> = vec![];
    for edge in machine.edges.iter().filter(|edge| edge.from == place) {
        let Edge {
            event, to, effects, ..
        } = edge;
        if effects.is_empty() && *to == place {
            continue;
        }
        let same = rows
            .iter_mut()
            .find(|(_, at, does)| at == to && does == effects);
        match same {
            Some((events, ..)) => events.push(event),
            None => rows.push((vec![event], *to, effects)),
        }
    }
    let mut text = format!(
        "### {}\n\n| event | next state | effects |\n| --- | --- | --- |\n",
        place.name()
    );
    for (events, to, effects) in rows {
        let to = if to == place { "" } else { to.name() };
        text += &format!("| {} | {to} | {effects} |\n", events.join("; "));
    }
    text + "\n"
}
