//! The state machine, pure: [`step()`] takes the record and an event, and gives the next record and
//! what is to be done. No I/O, no clock, no runtime.
//!
//! What holds whatever happens, because every decision is made here:
//! - **Decide once.** A verdict, once in the record, never changes for that transition; the one
//!   exception goes from CONTINUE to ABANDON, before anything was sent, when the record cannot be
//!   written.
//! - **Persist before signalling.** [`Effect::Persist`] stands before the first [`Effect::Signal`].
//! - **CONTINUE needs a proof** of that very transition: [`Verdict::Continue`] holds a [`Proof`]. For a
//!   launch it must hold still when it is told.
//! - **Evidence comes before ABANDON**, once for a transition.
//! - **No container before [`Effect::Permit`]**, which a warm pool never sees.
//! - **No rest before the work is done** that has an end; a machine that goes down begins nothing but a
//!   drain.
//!
//! What a state asks to be worked at is in `work.rs`, whom a verdict is told next in `delivery.rs`, what a
//! new target begins in `transition.rs`, and one that nobody saw in `missed.rs`, and what an event changes
//! in `step.rs`. MACHINE.md beside them has every state with everything that can happen in it, drawn from
//! this code by its tests.
//!
//! To add a transition: a [`Kind`], the work that proves it (a [`Work`]), and what begins it, in
//! `transition.rs`. To add an event or an effect: a variant in `event.rs`; the compiler lists the rest.
//! Then let it happen in `tests/paper/events.rs`, and draw the machine anew.

mod clock;
mod decide;
mod delivery;
mod event;
mod heed;
mod join;
mod missed;
mod notice;
mod open;
mod proof;
mod record;
mod step;
#[cfg(test)]
mod tests;
mod transition;
mod work;

pub use clock::{Began, Now};
pub use delivery::exit;
pub use event::{Effect, Event, Fact, Joined, Unjoined, Why, Work};
pub use notice::{Conduct, Notice, Notices};
pub use open::open;
pub use proof::Proof;
pub use record::{
    Delivery, Facts, Kind, Recipient, Record, Settled, State, Transition, Verdict, Wish,
};
pub use step::{rest, step};
