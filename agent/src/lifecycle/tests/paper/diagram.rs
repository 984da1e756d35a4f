//! The machine's diagram, in Mermaid's words: a box a transition, with its main states.

use super::{KINDS, Machine, Place};
use crate::lifecycle::Kind;
use std::fmt::Write;

pub(super) fn draw(machine: &Machine) -> String {
    let mut arrows = Arrows::default();
    for edge in &machine.edges {
        // What a state's details add is in the table.
        let plain = !edge.from.name().contains(',');
        if let (true, Place::In(from, _), Place::In(to, _)) = (plain, edge.from, edge.to) {
            // Mermaid takes a colon for the end of a name.
            let mut event = main(&edge.event).replace(':', "");
            if from == to {
                arrows.put(Some(from), id(edge.from), id(edge.to), event);
                continue;
            }
            if !is_usual(machine, from, &edge.event, to) {
                let _ = write!(event, " when {}", edge.from.name());
            }
            arrows.put(None, format!("{from:?}"), format!("{to:?}"), event);
        }
    }
    let mut text = "```mermaid\nstateDiagram-v2\n".to_owned();
    for kind in KINDS {
        let _ = writeln!(text, "    state {kind:?} {{");
        for (name, id) in main_states(machine, kind) {
            let _ = writeln!(text, "        state \"{name}\" as {id}");
        }
        for arrow in arrows.0.iter().filter(|arrow| arrow.within == Some(kind)) {
            let _ = writeln!(text, "        {arrow}");
        }
        text += "    }\n";
    }
    for arrow in arrows.0.iter().filter(|arrow| arrow.within.is_none()) {
        let _ = writeln!(text, "    {arrow}");
    }
    text + "```\n"
}

/// Whether an event leads from one transition to another in most of its states.
fn is_usual(machine: &Machine, from: Kind, event: &str, to: Kind) -> bool {
    let of = |place: &Place, kind| matches!(place, Place::In(is, _) if *is == kind);
    let states = machine.places.iter().filter(|(place, _)| of(place, from));
    let edges = machine.edges.iter().filter(|edge| edge.event == event);
    let edges = edges.filter(|edge| of(&edge.from, from) && of(&edge.to, to));
    edges.count() * 2 > states.count()
}

/// A transition's states, details apart.
fn main_states(machine: &Machine, of: Kind) -> Vec<(&'static str, String)> {
    let mut states = vec![];
    for (place, _) in &machine.places {
        let state = (main(place.name()), id(*place));
        if matches!(place, Place::In(kind, _) if *kind == of) && !states.contains(&state) {
            states.push(state);
        }
    }
    states
}

/// A name without its details.
fn main(name: &str) -> &str {
    name.split(',').next().unwrap_or(name)
}

fn id(place: Place) -> String {
    let name = main(place.name()).replace(' ', "_");
    match place {
        Place::In(kind, _) => format!("{kind:?}_{name}"),
        Place::GoingDown(_) | Place::Left => name,
    }
}

/// Arrows in the order found.
#[derive(Default)]
struct Arrows(Vec<Arrow>);

struct Arrow {
    /// The box that it is in.
    within: Option<Kind>,
    from: String,
    to: String,
    events: Vec<String>,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let events = self.events.join(", ");
        write!(f, "{} --> {}: {events}", self.from, self.to)
    }
}

impl Arrows {
    fn put(&mut self, within: Option<Kind>, from: String, to: String, event: String) {
        if from == to {
            return;
        }
        let same = |arrow: &&mut Arrow| (&arrow.from, &arrow.to) == (&from, &to);
        match self.0.iter_mut().find(same) {
            Some(arrow) if arrow.events.contains(&event) => {}
            Some(arrow) => arrow.events.push(event),
            None => self.0.push(Arrow {
                within,
                from,
                to,
                events: vec![event],
            }),
        }
    }
}
