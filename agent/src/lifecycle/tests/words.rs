//! What the machine asks for, in words: the names of the code, and who and what for.

use super::super::*;

/// `Persist, Heartbeat(a b), Signal(a CONTINUE)`.
pub(super) fn said(effects: &[Effect]) -> String {
    let words: Vec<String> = effects.iter().map(effect).collect();
    words.join(", ")
}

/// An event's or effect's name in the code.
pub(super) fn variant(of: &impl std::fmt::Debug) -> String {
    let text = format!("{of:?}");
    let end = text.find(|letter: char| !letter.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Heartbeat(recipients) => {
            let names: Vec<String> = recipients.iter().map(name).collect();
            format!("Heartbeat({})", names.join(" "))
        }
        Effect::Begin(work) => format!("Begin({})", worded(*work)),
        Effect::Signal { to, go, again } => {
            let verdict = if *go { "CONTINUE" } else { "ABANDON" };
            let again = if *again { " again" } else { "" };
            format!("Signal({} {verdict}{again})", name(to))
        }
        // Their names, with the exit code's.
        Effect::Persist
        | Effect::Join
        | Effect::Permit
        | Effect::Abort
        | Effect::Evidence
        | Effect::StopWorkload
        | Effect::Look
        | Effect::ReportUnhealthy
        | Effect::Forget
        | Effect::Rest(_)
        | Effect::Withhold
        | Effect::Exit(_) => format!("{effect:?}"),
    }
}

fn worded(work: Work) -> String {
    let by = |by_ms: Option<u64>| by_ms.map(|ms| format!(" by {ms}")).unwrap_or_default();
    match work {
        Work::Drain(Why::Group { by_ms }) => format!("Drain for the group{}", by(by_ms)),
        Work::Drain(Why::Notice { by_ms, .. }) => format!("Drain for a notice{}", by(by_ms)),
        Work::Drain(Why::Shutdown) => "Drain for shutdown".into(),
        Work::Launch | Work::Prepare | Work::Keep => format!("{work:?}"),
    }
}

fn name(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Hook { hook, .. } => hook.clone(),
        Recipient::CloudFormation { .. } | Recipient::Unknown { .. } => recipient.to_string(),
    }
}
