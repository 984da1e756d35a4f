//! The state machine, pure: [`step()`] takes the record and an event, and gives the next record and
//! what is to be done. No I/O, no clock, no runtime.
//!
//! What holds whatever happens, because every decision is made here:
//! - **Decide once.** A verdict, once in the record, never changes for that transition; the one
//!   exception goes from CONTINUE to ABANDON, before anything was sent, when the record cannot be
//!   written.
//! - **Persist before signalling.** [`Effect::Persist`] stands before the first [`Effect::Signal`].
//! - **CONTINUE needs a proof.** [`Verdict::Continue`] holds a [`Proof`].
//!
//! To add a transition: a [`Kind`], the work that proves it (a [`Work`]), and its arm in
//! [`open()`]; the compiler lists the rest.

mod clock;
mod decide;
mod delivery;
mod event;
mod notice;
mod open;
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
pub use record::{
    Delivery, Facts, Kind, Proof, Recipient, Record, Settled, State, Transition, Verdict, Wish,
};
pub use step::{rest, step};
