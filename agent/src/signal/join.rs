//! Whom to tell: what the group has, refined by what the spec says.

use super::{
    SignalError,
    group::{Hooks, Membership, discover, member},
};
use crate::{
    context::Context,
    imds::Identity,
    lifecycle::{Recipient, Unjoined, Wish},
    verdict::{LaunchError, Stage},
};
use std::collections::BTreeSet;

/// Finds whom to tell. `known` is what an earlier call found; `wish` what the spec says, once it is
/// read.
///
/// Before the spec is read every launch hook counts: were the spec broken, an ABANDON through any of
/// them would end the launch, and which one is ours cannot be known.
///
/// # Errors
/// See [`SignalError`]; with it come those who wait for a verdict all the same.
pub async fn join(
    cx: &Context,
    me: &Identity,
    kind: crate::lifecycle::Kind,
    known: Option<Membership>,
    wish: Option<Wish>,
) -> Result<(Membership, Vec<Recipient>), Unjoined> {
    let _ = kind;
    let named = wish.as_ref().and_then(|wish| wish.group.clone());
    let is = match known {
        Some(known) => known,
        None => discover(cx, me)
            .await
            .map_err(|error| unjoined(&error, None))?,
    };
    let membership = match membership(cx, &is, named).await {
        Ok(membership) => membership,
        Err(error) => return Err(unjoined(&error, Some(&is))),
    };
    let recipients = recipients(&membership, wish.as_ref())
        .map_err(|error| unjoined(&error, Some(&membership)))?;
    // Once, when all is known: what the group is, and who waits.
    if wish.is_some() {
        say(cx, &membership, &recipients);
    }
    Ok((membership, recipients))
}

/// Where the instance is, held against the group that the spec names, if it names one.
async fn membership(
    cx: &Context,
    is: &Membership,
    named: Option<String>,
) -> Result<Membership, SignalError> {
    match (named, is) {
        (None, is) => Ok(is.clone()),
        (Some(named), Membership::Member { group, .. }) if named == *group => Ok(is.clone()),
        (Some(named), Membership::Member { group, .. }) => Err(SignalError::OtherGroup {
            named,
            is: group.clone(),
        }),
        (Some(named), Membership::Outside) => Err(SignalError::NoGroup { named }),
        (Some(named), Membership::Nameless(_) | Membership::Unconfirmed) => member(cx, named).await,
    }
}

/// The error, and every launch hook of the group that the instance is in.
fn unjoined(error: &SignalError, is: Option<&Membership>) -> Unjoined {
    let waiting = is.and_then(|membership| recipients(membership, None).ok());
    Unjoined {
        error: LaunchError::at(Stage::Signal, error),
        waiting,
    }
}

/// Pure: who of the group, and who besides.
fn recipients(membership: &Membership, wish: Option<&Wish>) -> Result<Vec<Recipient>, SignalError> {
    let mut recipients = match (membership, wish) {
        (Membership::Outside | Membership::Unconfirmed, _) => vec![],
        (Membership::Nameless(why), _) => vec![Recipient::Unknown { why: nameless(why) }],
        (Membership::Member { group, hooks }, wish) => of_group(group, hooks, wish)?,
    };
    if let Some((stack, resource)) = wish.and_then(|wish| wish.cloudformation.clone()) {
        recipients.push(Recipient::CloudFormation { stack, resource });
    }
    // Two references may give one name, and nobody is told twice.
    let mut told = BTreeSet::new();
    recipients.retain(|recipient| told.insert(recipient.to_string()));
    Ok(recipients)
}

fn of_group(
    group: &str,
    hooks: &Hooks,
    wish: Option<&Wish>,
) -> Result<Vec<Recipient>, SignalError> {
    let hook = |hook: &String| Recipient::Hook {
        group: group.to_owned(),
        hook: hook.clone(),
    };
    let names = hooks.names();
    let named = wish
        .map(|wish| wish.launching.as_slice())
        .unwrap_or_default();
    if let (Hooks::Known(_), Some(missing)) =
        (hooks, named.iter().find(|named| !names.contains(named)))
    {
        return Err(SignalError::HookUnknown {
            group: group.to_owned(),
            hook: missing.clone(),
            hooks: names,
        });
    }
    if !named.is_empty() {
        return Ok(named.iter().map(hook).collect());
    }
    match (hooks, wish) {
        (Hooks::Hidden(why), _) => Ok(vec![Recipient::Unknown {
            why: SignalError::HooksHidden {
                group: group.to_owned(),
                why: why.clone(),
            }
            .to_string(),
        }]),
        (Hooks::Known(_), Some(_)) if names.len() > 1 => Err(SignalError::HookUnnamed {
            group: group.to_owned(),
            hooks: names,
        }),
        (Hooks::Known(_), _) => Ok(names.iter().map(hook).collect()),
    }
}

fn nameless(why: &str) -> String {
    SignalError::GroupUnknown {
        why: why.to_owned(),
    }
    .to_string()
}

fn say(cx: &Context, membership: &Membership, recipients: &[Recipient]) {
    match membership {
        Membership::Outside | Membership::Unconfirmed => cx.report.outside_group(),
        Membership::Nameless(why) => cx.report.warn("group_unknown", &nameless(why)),
        Membership::Member { group, .. } => {
            let hooks: Vec<&str> = recipients
                .iter()
                .filter_map(|recipient| match recipient {
                    Recipient::Hook { hook, .. } => Some(hook.as_str()),
                    Recipient::Unknown { .. } | Recipient::CloudFormation { .. } => None,
                })
                .collect();
            cx.report.group(group, &hooks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::group::Hook, *};
    use std::time::Duration;

    fn member(hooks: &[&str]) -> Membership {
        let hook = |name: &&str| Hook {
            name: (*name).into(),
            heartbeat_timeout: Duration::from_secs(60),
        };
        Membership::Member {
            group: "web".into(),
            hooks: Hooks::Known(hooks.iter().map(hook).collect()),
        }
    }

    fn hidden() -> Membership {
        Membership::Member {
            group: "web".into(),
            hooks: Hooks::Hidden("denied".into()),
        }
    }

    fn wish(hooks: &[&str]) -> Option<Wish> {
        Some(Wish {
            launching: hooks.iter().map(|hook| (*hook).to_owned()).collect(),
            ..Wish::default()
        })
    }

    /// The hooks told, `?` for one that cannot be known, or the error's reason.
    fn told(membership: &Membership, wish: Option<Wish>) -> String {
        match recipients(membership, wish.as_ref()) {
            Ok(recipients) => recipients
                .iter()
                .map(|recipient| match recipient {
                    Recipient::Hook { group, hook } => format!("{group}/{hook}"),
                    Recipient::CloudFormation { stack, resource } => format!("{stack}:{resource}"),
                    Recipient::Unknown { .. } => "?".into(),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn whom_to_tell() {
        for (what, membership, wish, told_them) in [
            ("outside", Membership::Outside, wish(&[]), ""),
            ("the only hook", member(&["a"]), wish(&[]), "web/a"),
            ("no hook", member(&[]), wish(&[]), ""),
            (
                "one, named twice",
                member(&["a"]),
                wish(&["a", "a"]),
                "web/a",
            ),
            (
                "one of two, named",
                member(&["a", "b"]),
                wish(&["b"]),
                "web/b",
            ),
            (
                "both, named",
                member(&["a", "b"]),
                wish(&["b", "a"]),
                "web/b web/a",
            ),
            (
                "before the spec is read",
                member(&["a", "b"]),
                None,
                "web/a web/b",
            ),
            ("hidden, named", hidden(), wish(&["a"]), "web/a"),
            ("hidden, not named", hidden(), wish(&[]), "?"),
            ("hidden, before the spec is read", hidden(), None, "?"),
            (
                "nameless",
                Membership::Nameless("denied".into()),
                wish(&[]),
                "?",
            ),
        ] {
            assert_eq!(told(&membership, wish), told_them, "{what}");
        }
        let several = told(&member(&["a", "b"]), wish(&[]));
        assert!(several.contains("several launch hooks (a, b)"), "{several}");
        let unknown = told(&member(&["a"]), wish(&["b"]));
        assert!(
            unknown.contains("no launch hook b (it has: a)"),
            "{unknown}"
        );
    }

    #[test]
    fn a_stack_is_told_inside_and_outside_of_a_group() {
        let stack = Wish {
            cloudformation: Some(("s".into(), "r".into())),
            ..Wish::default()
        };
        assert_eq!(told(&Membership::Outside, Some(stack.clone())), "s:r");
        assert_eq!(told(&member(&["a"]), Some(stack)), "web/a s:r");
    }
}
