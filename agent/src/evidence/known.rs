//! What is known of the spec's values: which secrets to replace, and where evidence goes.
//!
//! The launch that failed has told the report every secret that it resolved. Anybody else (a launch that
//! was interrupted after it had resolved them, `firstlight diagnose`) resolves the recorded document
//! again. Where that cannot be done, text of foreign origin stays out.
//!
//! What is resolved now is not what a container was given before a secret was changed. So a container's
//! text passes only if its label has the digest of a resolution that is known: document and versions are
//! then the same, and with them the secrets. The engine's journal has no label: it passes from when this
//! process resolved first, and after that the engine was given nothing else.

use super::{Subject, place::Place};
use crate::{context::Context, imds::Identity, lifecycle::Kind, references, report::Hidden};
use firstlight_userdata::{
    redact::Redactor,
    reference::Piece,
    sources::Sources,
    spec::{Signal, Spec, Unresolved},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Why nothing can be asked of AWS.
pub(super) const NOBODY: &str = "who this instance is is not known";

/// What is known of a spec's values.
#[derive(Debug)]
pub(super) struct Known {
    /// The secrets, and whose text may pass through them.
    pub(super) secrets: Hidden,
    /// In words, why they are of no resolution.
    pub(super) others: Option<String>,
    /// Where evidence goes; `None` when the spec asks for none. In words, why it is not known.
    pub(super) place: Result<Option<Place>, String>,
    /// The merged spec, if all secrets that are written into it are known.
    pub(super) document: Option<String>,
}

impl Known {
    /// Nothing, for this reason.
    fn nothing(why: &str) -> Known {
        Known {
            secrets: Hidden::default(),
            others: Some(why.to_owned()),
            place: Err(why.to_owned()),
            document: None,
        }
    }

    /// What can be known by the context's deadline. `again`: resolving may be tried again.
    pub(super) async fn of(cx: &Context, subject: &Subject<'_>, again: bool) -> Known {
        let Some(record) = subject.record else {
            return Known::nothing("nothing was launched");
        };
        let Some(document) = &record.facts.document else {
            return Known::nothing("the spec was not read");
        };
        let Ok(spec) = Sources::recorded(document) else {
            return Known::nothing("the recorded spec cannot be read");
        };
        // What is on its way into a warm pool fetches no secret: its disk and memory outlive it there.
        let again = again && !matches!(record.transition.kind, Kind::WarmEnter | Kind::WarmReturn);
        let (mut secrets, others) = match secrets(cx, subject.me, &spec, again).await {
            Ok(secrets) => (secrets, None),
            Err(why) => (Hidden::default(), Some(why)),
        };
        literals(&spec, Arc::make_mut(&mut secrets.redactor));
        Known {
            secrets,
            others,
            place: place(cx, subject.me, &spec).await,
            document: Some(document.clone()),
        }
    }
}

/// A registry's password may stand in the spec itself, and then in the document.
fn literals(spec: &Spec<Unresolved>, secrets: &mut Redactor) {
    for (host, registry) in &spec.registries {
        for piece in &registry.password.pieces {
            if let Piece::Literal(text) = piece {
                secrets.add(&format!("registries.{host}.password"), text);
            }
        }
    }
}

/// # Errors
/// In words, why they are not all known.
async fn secrets(
    cx: &Context,
    me: Option<&Identity>,
    spec: &Spec<Unresolved>,
    again: bool,
) -> Result<Hidden, String> {
    if let Some(known) = cx.report.hidden() {
        return Ok(known);
    }
    let of = |redactor, digest| Hidden {
        redactor,
        digests: BTreeSet::from([digest]),
        since: None,
    };
    if spec.targets().is_empty() {
        return Ok(of(Arc::default(), spec.digest(&BTreeMap::new())));
    }
    if !again {
        return Err("the spec's references are not resolved".into());
    }
    let resolved = references::resolve(cx, me.ok_or(NOBODY)?, spec).await;
    resolved
        .map(|resolution| of(resolution.redactor, resolution.digest))
        .map_err(|error| format!("the spec's references cannot be resolved again: {error}"))
}

async fn place(
    cx: &Context,
    me: Option<&Identity>,
    spec: &Spec<Unresolved>,
) -> Result<Option<Place>, String> {
    let Some(diagnostics) = &spec.diagnostics else {
        return Ok(None);
    };
    if let Some(literal) = diagnostics.as_literal() {
        return Place::parse(literal).map(Some);
    }
    // Its own references alone: the launch may have failed for another one.
    let alone = Spec {
        registries: BTreeMap::new(),
        services: BTreeMap::new(),
        tasks: BTreeMap::new(),
        signal: Signal {
            group: None,
            launching: vec![],
            terminating: vec![],
            cloudformation: None,
        },
        ..spec.clone()
    };
    let resolved = references::resolve(cx, me.ok_or(NOBODY)?, &alone).await;
    let resolved = resolved.map_err(|error| format!("`diagnostics`: {error}"))?;
    let place = resolved.spec.diagnostics.as_ref();
    place.map(|text| Place::parse(text.expose())).transpose()
}
