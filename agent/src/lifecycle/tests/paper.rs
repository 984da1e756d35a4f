//! The machine on paper: MACHINE.md and the diagram in ARCHITECTURE.md, drawn from what `step` does.
//!
//! From an instance's first look on, everything that may happen in a state is let happen, until no state
//! is new. States are told apart by [`places`]; what may happen in one is in [`events`]. A change of the
//! machine shows here as a difference:
//!
//! ```text
//! FIRSTLIGHT_WRITE_MACHINE=1 cargo test --workspace --lib machine_on_paper
//! ```

mod diagram;
mod events;
mod places;
mod table;
mod vocabulary;

use super::{words, *};
use events::Happening;
use places::Place;
use std::{collections::BTreeSet, fs, path::Path};

/// Where the words are.
const SOURCE: &str = include_str!("../event.rs");

/// The transitions, in the order in which people think of them.
const KINDS: [Kind; 4] = [
    Kind::Launch,
    Kind::WarmEnter,
    Kind::WarmReturn,
    Kind::Terminate,
];

/// One thing that may happen in a state, and what follows.
struct Edge {
    from: Place,
    event: String,
    to: Place,
    effects: String,
}

/// Everything that may happen, in the order in which it was found.
struct Machine {
    /// The states, and a life in each.
    places: Vec<(Place, Life)>,
    edges: Vec<Edge>,
    /// The events and effects that occurred, by their names in the code.
    words: BTreeSet<String>,
    /// The effects that occurred, by their names in the journal.
    names: BTreeSet<&'static str>,
}

impl Machine {
    fn explore() -> Machine {
        let mut machine = Machine {
            places: vec![],
            edges: vec![],
            words: BTreeSet::new(),
            names: BTreeSet::new(),
        };
        // The target is known from the first look on, or later; the spec is that of an instance that
        // wants everything the contract has.
        for at in ["InService", "", "Warmed:Stopped", "Terminated"] {
            let spec = configured(true, &[Notice::Spot], true);
            machine.found(Life::begun(at).after([spec]));
        }
        let mut next = 0;
        while let Some((place, life)) = machine.places.get(next).cloned() {
            for happening in events::possible(&life) {
                machine.follow(place, &life, happening);
            }
            next += 1;
        }
        machine
    }

    fn follow(&mut self, from: Place, life: &Life, happening: Happening) {
        let mut life = life.clone();
        let event = happening.name();
        self.words.insert(happening.word());
        let effects = happening.happen(&mut life);
        self.words.extend(effects.iter().map(words::variant));
        self.names.extend(effects.iter().map(Effect::name));
        let gone = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Exit(_)));
        let to = match gone {
            true => Place::Left,
            false => self.found(life),
        };
        self.edges.push(Edge {
            from,
            event,
            to,
            effects: said(&effects),
        });
    }

    fn found(&mut self, life: Life) -> Place {
        let place = Place::of(&life.record);
        if self.places.iter().all(|(known, _)| *known != place) {
            self.places.push((place, life));
        }
        place
    }
}

#[test]
fn the_machine_on_paper() {
    let machine = Machine::explore();
    let diagram = diagram::draw(&machine);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = ["Event", "Effect"].map(|name| vocabulary::write(SOURCE, name));
    let all = format!("{diagram}\n{}{}", words.concat(), table::write(&machine));
    for (file, drawn) in [
        ("src/lifecycle/MACHINE.md", all),
        ("../ARCHITECTURE.md", diagram),
    ] {
        let file = root.join(file);
        if std::env::var_os("FIRSTLIGHT_WRITE_MACHINE").is_some() {
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, between(&text, &drawn)).unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text == between(&text, &drawn),
            "{} is stale: run this with FIRSTLIGHT_WRITE_MACHINE=1",
            file.display()
        );
    }
}

/// The text with what stands between its markers replaced.
fn between(text: &str, drawn: &str) -> String {
    const BEGIN: &str = "<!-- drawn from lifecycle/ by its tests -->\n";
    const END: &str = "<!-- until here -->";
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    format!("{before}{BEGIN}\n{}\n\n{END}{after}", drawn.trim_end())
}

#[test]
fn every_event_and_every_effect_is_on_it() {
    let machine = Machine::explore();
    let wanted = ["Event", "Effect"].map(|name| vocabulary::of(SOURCE, name));
    let wanted: Vec<&str> = wanted.iter().flatten().map(|word| word.name).collect();
    assert!(wanted.contains(&"Persist") && wanted.contains(&"Missed"));
    for word in wanted {
        assert!(machine.words.contains(word), "{word}");
    }
}

#[test]
fn every_effect_has_its_name_in_the_journal() {
    let machine = Machine::explore();
    assert_eq!(machine.names, Effect::NAMES.into());
}
