//! Finding out whom to tell.

use super::{
    SignalError,
    group::{Membership, Way, discover, member},
    whom::{leaving, nameless, recipients},
};
use crate::{
    context::Context,
    imds::Identity,
    lifecycle::{Kind, Recipient, Unjoined, Wish},
    verdict::{LaunchError, Stage},
};

/// Finds whom to tell of a transition of this kind. `known` is what an earlier call found; `wish` what
/// the spec says, once it is read.
///
/// Before the spec is read every launch hook counts: were the spec broken, an ABANDON through any of
/// them would end the launch, and which one is ours cannot be known. On the way out what is wrong with
/// hooks or spec is said, and ends nothing.
///
/// # Errors
/// See [`SignalError`]; with it come those who wait for a verdict all the same.
pub async fn join(
    cx: &Context,
    me: &Identity,
    kind: Kind,
    known: Option<Membership>,
    wish: Option<Wish>,
) -> Result<(Membership, Vec<Recipient>), Unjoined> {
    let named = wish.as_ref().and_then(|wish| wish.group.clone());
    let is = match known {
        Some(known) => known,
        None => {
            let found = discover(cx, me).await;
            // Evidence of a launch that fails before its spec is resolved wants to know.
            cx.report.group_sought(found.as_ref().ok().and_then(group));
            found.map_err(|error| unjoined(kind, &error, None))?
        }
    };
    let membership = match (membership(cx, &is, named).await, Way::of(kind)) {
        (Ok(membership), _) => membership,
        (Err(error), Way::Out) if error.is_the_specs() => {
            cx.report.warn("recipients_unknown", &error.to_string());
            return Ok((is, vec![]));
        }
        (Err(error), _) => return Err(unjoined(kind, &error, Some(&is))),
    };
    let recipients = match Way::of(kind) {
        Way::In => recipients(kind, &membership, wish.as_ref())
            .map_err(|error| unjoined(kind, &error, Some(&membership)))?,
        Way::Out => {
            let (recipients, wrong) = leaving(kind, &membership, wish.as_ref());
            if let Some(wrong) = wrong {
                cx.report.warn("recipients_unknown", &wrong);
                return Ok((membership, recipients));
            }
            recipients
        }
    };
    // Once, when all is known: what the group is, and who waits.
    if wish.is_some() {
        say(cx, kind, &membership, &recipients);
    }
    Ok((membership, recipients))
}

fn group(membership: &Membership) -> Option<&str> {
    match membership {
        Membership::Member { group, .. } => Some(group),
        Membership::Outside | Membership::Nameless(_) | Membership::Unconfirmed => None,
    }
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

/// The error, and every hook of the group that the instance is in.
fn unjoined(kind: Kind, error: &SignalError, is: Option<&Membership>) -> Unjoined {
    let waiting = is.and_then(|membership| recipients(kind, membership, None).ok());
    Unjoined {
        error: LaunchError::at(Stage::Signal, error),
        waiting,
    }
}

fn say(cx: &Context, kind: Kind, membership: &Membership, recipients: &[Recipient]) {
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
            cx.report.group(group, Way::of(kind).word(), &hooks);
        }
    }
}
