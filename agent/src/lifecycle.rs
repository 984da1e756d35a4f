//! The state machine, pure: `step(&Record, Event, now) -> (Record, Vec<Effect>)`.
