//! Something that takes time and may be under way, for the driver's `select!`.

use std::{future::pending, pin::Pin};

/// Something that may be under way. Idle, it never ends.
pub(super) struct Slot<'a, T>(Option<Pin<Box<dyn Future<Output = T> + 'a>>>);

impl<'a, T> Slot<'a, T> {
    pub(super) fn idle() -> Self {
        Slot(None)
    }

    /// Begins it; what was in the slot is cut off by putting this there.
    pub(super) fn of(future: impl Future<Output = T> + 'a) -> Self {
        Slot(Some(Box::pin(future)))
    }

    /// Whether it is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// Its end. Cancelling this loses nothing.
    pub(super) async fn done(&mut self) -> T {
        match &mut self.0 {
            Some(future) => {
                let output = future.await;
                self.0 = None;
                output
            }
            None => pending().await,
        }
    }
}
