//! The state machine, edge by edge.
mod edges;
mod history;
mod launch;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn me() -> Subject {
    Subject::Instance("i-1".to_owned())
}

/// A group that launched its instance just now.
fn launched(plan: Plan) -> (Group, Instant) {
    let now = Instant::now();
    let mut group = Group::new(plan, "i-1", now);
    group.launch(now).unwrap();
    (group, now)
}

fn both() -> Vec<Hook> {
    vec![Hook::launching("up"), Hook::terminating("down")]
}
