//! Whom to tell: what was discovered, and what the spec says. Pure.

use super::{Hook, HookTarget, Hooks, Member, Membership, SignalError};
use crate::imds::Identity;
use firstlight_userdata::spec::{Resolved, Signal};

/// What `signal:` says of the group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The group's name; `None`: the instance's own.
    pub group: Option<String>,
    /// Launch hooks; empty: the group's only one.
    pub launching: Vec<String>,
}

impl From<&Signal<Resolved>> for Wanted {
    fn from(signal: &Signal<Resolved>) -> Wanted {
        let text = |text: &firstlight_userdata::resolve::Text| text.expose().to_owned();
        Wanted {
            group: signal.group.as_ref().map(text),
            launching: signal.launching.iter().map(text).collect(),
        }
    }
}

/// Every launch hook that is known: whom heartbeats keep waiting until the spec is read, and whom a
/// broken spec's ABANDON goes to.
///
/// With several hooks one ABANDON ends the launch, and which hook is whose only the broken spec would
/// say. All are told: the first that accepts ends it, and for the others [`deliver`](super::deliver)
/// then finds the instance terminating.
pub fn targets(membership: &Membership, me: &Identity) -> Vec<HookTarget> {
    match membership {
        Membership::Member(Member {
            group,
            hooks: Hooks::Known(hooks),
        }) => hooks.iter().map(|hook| target(group, hook, me)).collect(),
        Membership::Member(Member {
            hooks: Hooks::Unknown { .. },
            ..
        })
        | Membership::Outside
        | Membership::Unknown { .. } => Vec::new(),
    }
}

/// The hooks that the verdict goes to; none when nobody waits, or when neither the spec nor the group
/// tells who does (which [`discover`](super::discover) has warned about).
///
/// # Errors
/// A group that the instance is not in; several hooks and none named; a named one that the group does
/// not have.
pub fn refine(
    membership: &Membership,
    wanted: &Wanted,
    me: &Identity,
) -> Result<Vec<HookTarget>, SignalError> {
    match (membership, &wanted.group) {
        (Membership::Outside, Some(group)) => Err(SignalError::Group(format!(
            "`signal.group` names `{group}`, but this instance is in no Auto Scaling group; remove it, or launch in that group"
        ))),
        (Membership::Member(member), Some(group)) if member.group != *group => {
            Err(SignalError::Group(format!(
                "`signal.group` names `{group}`, but this instance is in group `{}`; correct or remove it",
                member.group
            )))
        }
        (Membership::Unknown { why }, None) if !wanted.launching.is_empty() => {
            Err(SignalError::Group(format!(
                "`signal.launching` names a hook, but the instance's group could not be told: {why}; name it under `signal.group`"
            )))
        }
        (Membership::Outside | Membership::Unknown { .. }, None) => Ok(Vec::new()),
        (Membership::Unknown { .. }, Some(group)) => Ok(blind(group, wanted, me)),
        (Membership::Member(member), _) => match &member.hooks {
            Hooks::Unknown { .. } => Ok(blind(&member.group, wanted, me)),
            Hooks::Known(hooks) => choose(&member.group, hooks, &wanted.launching, me),
        },
    }
}

/// The named hooks, unchecked.
fn blind(group: &str, wanted: &Wanted, me: &Identity) -> Vec<HookTarget> {
    let named = wanted.launching.iter().map(|name| HookTarget {
        group: group.to_owned(),
        hook: name.clone(),
        instance_id: me.instance_id.clone(),
        heartbeat_timeout: None,
    });
    named.collect()
}

/// The named hooks out of those that there are; the only one where none is named.
fn choose(
    group: &str,
    hooks: &[Hook],
    named: &[String],
    me: &Identity,
) -> Result<Vec<HookTarget>, SignalError> {
    if named.is_empty() {
        return match hooks {
            [] => Ok(Vec::new()),
            [only] => Ok(vec![target(group, only, me)]),
            several => Err(SignalError::Hook(format!(
                "group `{group}` has several launch hooks: {}; name yours under `signal.launching`",
                names(several)
            ))),
        };
    }
    let find = |name: &String| {
        let found = hooks.iter().find(|hook| hook.name == *name);
        found
            .map(|hook| target(group, hook, me))
            .ok_or_else(|| SignalError::Hook(unknown(group, hooks, name)))
    };
    named.iter().map(find).collect()
}

fn unknown(group: &str, hooks: &[Hook], name: &str) -> String {
    let has = if hooks.is_empty() {
        "it has none; create it with the group (`LifecycleHookSpecificationList`), for a later one misses the first instances".to_owned()
    } else {
        format!("it has {}", names(hooks))
    };
    format!("group `{group}` has no launch hook `{name}`: {has}")
}

fn target(group: &str, hook: &Hook, me: &Identity) -> HookTarget {
    HookTarget {
        group: group.to_owned(),
        hook: hook.name.clone(),
        instance_id: me.instance_id.clone(),
        heartbeat_timeout: hook.heartbeat_timeout,
    }
}

/// Names in a row: `a`, `b`.
pub(super) fn names(hooks: &[Hook]) -> String {
    let quoted: Vec<String> = hooks
        .iter()
        .map(|hook| format!("`{}`", hook.name))
        .collect();
    quoted.join(", ")
}
