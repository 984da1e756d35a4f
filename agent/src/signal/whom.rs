//! Whom to tell: what the group has, refined by what the spec says. Pure.

use super::{
    SignalError,
    group::{Hooks, Membership, Way},
};
use crate::lifecycle::{Kind, Recipient, Wish};
use std::collections::BTreeSet;

/// Who of the group, and who besides.
///
/// # Errors
/// The spec names a hook that is not there, or none of several.
pub(super) fn recipients(
    kind: Kind,
    membership: &Membership,
    wish: Option<&Wish>,
) -> Result<Vec<Recipient>, SignalError> {
    let mut recipients = match membership {
        Membership::Outside | Membership::Unconfirmed => vec![],
        Membership::Nameless(why) => vec![Recipient::Unknown { why: nameless(why) }],
        Membership::Member { group, hooks } => of_group(Way::of(kind), group, hooks, wish)?,
    };
    // A stack counts instances that serve.
    let stack = wish.filter(|_| kind == Kind::Launch);
    if let Some((stack, resource)) = stack.and_then(|wish| wish.cloudformation.clone()) {
        recipients.push(Recipient::CloudFormation { stack, resource });
    }
    // Two references may give one name, and nobody is told twice.
    let mut told = BTreeSet::new();
    recipients.retain(|recipient| told.insert(recipient.to_string()));
    Ok(recipients)
}

/// Who of the group is told that the instance may go. What is wrong with that is for people: a
/// termination cannot be refused, and a hook that nobody completes lets go in its own time.
pub(super) fn leaving(
    kind: Kind,
    membership: &Membership,
    wish: Option<&Wish>,
) -> (Vec<Recipient>, Option<String>) {
    // Without a spec's word the group's only hook is ours, as with an empty one.
    let unsaid = Wish::default();
    let wish = wish.unwrap_or(&unsaid);
    let told = |wish: &Wish| recipients(kind, membership, Some(wish));
    match told(wish) {
        Ok(recipients) => {
            let unknown = recipients.iter().find_map(|recipient| match recipient {
                Recipient::Unknown { why } => Some(why.clone()),
                Recipient::Hook { .. } | Recipient::CloudFormation { .. } => None,
            });
            match unknown {
                Some(why) => (vec![], Some(why)),
                None => (recipients, None),
            }
        }
        Err(error) => {
            let there = match membership {
                Membership::Member { hooks, .. } => hooks.names(Way::of(kind)),
                Membership::Outside | Membership::Unconfirmed | Membership::Nameless(_) => vec![],
            };
            let mut known = wish.clone();
            known.terminating.retain(|named| there.contains(named));
            let others = match known.terminating.is_empty() {
                true => vec![],
                false => told(&known).unwrap_or_default(),
            };
            (others, Some(error.to_string()))
        }
    }
}

fn of_group(
    way: Way,
    group: &str,
    hooks: &Hooks,
    wish: Option<&Wish>,
) -> Result<Vec<Recipient>, SignalError> {
    let hook = |hook: &String| Recipient::Hook {
        group: group.to_owned(),
        hook: hook.clone(),
    };
    let group = || group.to_owned();
    let names = hooks.names(way);
    let named = wish.map(|wish| match way {
        Way::In => wish.launching.as_slice(),
        Way::Out => wish.terminating.as_slice(),
    });
    let named = named.unwrap_or_default();
    if let (Hooks::Known(_), Some(missing)) =
        (hooks, named.iter().find(|named| !names.contains(named)))
    {
        return Err(SignalError::HookUnknown {
            way,
            group: group(),
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
                way,
                group: group(),
                why: why.clone(),
            }
            .to_string(),
        }]),
        (Hooks::Known(_), Some(_)) if names.len() > 1 => Err(SignalError::HookUnnamed {
            way,
            group: group(),
            hooks: names,
        }),
        (Hooks::Known(_), _) => Ok(names.iter().map(hook).collect()),
    }
}

/// A member of a group that cannot be named, in words.
pub(super) fn nameless(why: &str) -> String {
    SignalError::GroupUnknown {
        why: why.to_owned(),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{super::group::Hook, *};
    use std::time::Duration;

    /// A member of a group with these hooks: terminate hooks in capitals.
    fn member(hooks: &[&str]) -> Membership {
        let hook = |name: &&str| Hook {
            name: (*name).into(),
            way: match name.chars().all(char::is_uppercase) {
                true => Way::Out,
                false => Way::In,
            },
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
            terminating: hooks.iter().map(|hook| (*hook).to_owned()).collect(),
            ..Wish::default()
        })
    }

    /// The hooks told, `?` for one that cannot be known, or the error's reason.
    fn told(membership: &Membership, wish: Option<Wish>) -> String {
        match recipients(Kind::Launch, membership, wish.as_ref()) {
            Ok(recipients) => named(&recipients),
            Err(error) => error.to_string(),
        }
    }

    fn named(recipients: &[Recipient]) -> String {
        recipients
            .iter()
            .map(|recipient| match recipient {
                Recipient::Hook { group, hook } => format!("{group}/{hook}"),
                Recipient::CloudFormation { stack, resource } => format!("{stack}:{resource}"),
                Recipient::Unknown { .. } => "?".into(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn whom_to_tell() {
        for (what, membership, wish, told_them) in [
            ("outside", Membership::Outside, wish(&[]), ""),
            ("the only hook", member(&["a"]), wish(&[]), "web/a"),
            (
                "a terminate hook is none",
                member(&["a", "B"]),
                wish(&[]),
                "web/a",
            ),
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
        assert_eq!(told(&member(&["a"]), Some(stack.clone())), "web/a s:r");
        // and of nothing but a launch
        let warm = recipients(Kind::WarmEnter, &member(&["a"]), Some(&stack)).unwrap();
        assert_eq!(named(&warm), "web/a");
        let (out, _) = leaving(Kind::Terminate, &member(&["A"]), Some(&stack));
        assert_eq!(named(&out), "web/A");
    }

    #[test]
    fn a_way_out_cannot_be_refused() {
        for (what, membership, wish, told, words) in [
            ("the only hook", member(&["a", "A"]), wish(&[]), "web/A", ""),
            ("no spec", member(&["a", "A"]), None, "web/A", ""),
            ("no hook", member(&["a"]), wish(&[]), "", ""),
            ("outside", Membership::Outside, wish(&["A"]), "", ""),
            ("named", member(&["A", "B"]), wish(&["B"]), "web/B", ""),
            (
                "several and none named",
                member(&["A", "B"]),
                wish(&[]),
                "",
                "several terminate hooks (A, B) and the spec names none; name yours in `signal: {terminating: …}`",
            ),
            (
                "no spec, and several",
                member(&["A", "B"]),
                None,
                "",
                "several terminate hooks (A, B)",
            ),
            (
                "a launch hook named",
                member(&["a", "A"]),
                wish(&["a"]),
                "",
                "no terminate hook a (it has: A); correct `signal: {terminating: …}`",
            ),
            (
                "one of two is missing",
                member(&["A", "B"]),
                wish(&["A", "C"]),
                "web/A",
                "no terminate hook C (it has: A, B)",
            ),
            ("hidden, named", hidden(), wish(&["A"]), "web/A", ""),
            (
                "hidden, not named",
                hidden(),
                wish(&[]),
                "",
                "the terminate hooks of group web cannot be listed",
            ),
            (
                "nameless",
                Membership::Nameless("denied".into()),
                wish(&[]),
                "",
                "which one cannot be found out",
            ),
        ] {
            for kind in [Kind::Terminate, Kind::WarmReturn] {
                let (recipients, wrong) = leaving(kind, &membership, wish.as_ref());
                assert_eq!(named(&recipients), told, "{what}");
                let wrong = wrong.unwrap_or_default();
                assert!(
                    wrong.contains(words) && wrong.is_empty() == words.is_empty(),
                    "{what}: {wrong}"
                );
            }
        }
    }
}
