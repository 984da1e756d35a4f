//! Reads everything and puts it into a bundle. What cannot be had in time is left out.

use super::{
    Subject,
    bundle::Bundle,
    containers::{self, Engine},
    host, journal,
    known::Known,
};
use crate::{context::Context, report::story};
use futures_util::future::join;
use std::{sync::Arc, time::Duration};

/// What was gathered.
#[derive(Debug)]
pub struct Gathered {
    /// The archive: a compressed tar.
    pub archive: Vec<u8>,
    /// What is not in it, and why: a line each.
    pub left_out: String,
}

/// The engine's part, in a quarter of the time. It is the part that may hang, and of which the status
/// tells, too.
///
/// # Errors
/// In words: the engine does not answer.
pub(super) async fn look(
    cx: &Context,
    subject: &Subject<'_>,
    known: &Known,
    whole: Duration,
) -> Result<Engine, String> {
    let soon = cx.by(cx.deadline.at_most(whole / 4));
    containers::look(&soon, subject.instance(), &known.secrets).await
}

/// Everything in one archive. What cannot be had by the context's deadline is left out.
pub(super) async fn bundled(
    cx: &Context,
    subject: &Subject<'_>,
    known: &Known,
    engine: Result<Engine, String>,
    whole: Duration,
) -> Result<Gathered, String> {
    let mut bundle = Bundle::new(&subject.name(), Arc::clone(&known.secrets.redactor));
    for (what, why) in &subject.missing {
        bundle.leave_out(what, why);
    }
    if let Some(why) = &known.others {
        let what = "what containers print, the engine's journal";
        bundle.leave_out(what, &format!("secrets in them would not be known: {why}"));
    }
    if let Some(status) = &subject.status {
        bundle.add("story.txt", &story::told(status));
        bundle.add("status.json", &pretty(status));
    }
    if let Some(said) = &subject.said {
        bundle.add_log("agent.log", said);
    }
    if let Some(document) = &known.document {
        bundle.add("spec.json", document);
    }
    host(cx, &mut bundle, engine.as_ref().ok());
    match &engine {
        Ok(engine) => containers(&mut bundle, engine),
        Err(why) => bundle.leave_out("containers", why),
    }
    journals(cx, &mut bundle, known, whole).await;
    let (archive, left_out) = bundle.finish().map_err(|error| error.to_string())?;
    Ok(Gathered { archive, left_out })
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn host(cx: &Context, bundle: &mut Bundle, engine: Option<&Engine>) {
    let version = engine.map(|engine| engine.version.clone());
    bundle.add("host.json", &pretty(&host::facts(&cx.paths, version)));
    for (name, text) in host::cloud_init(&cx.paths) {
        match text {
            Some(text) => bundle.add(&name, &text),
            None => bundle.leave_out(&name, "there is none"),
        }
    }
}

fn containers(bundle: &mut Bundle, engine: &Engine) {
    for seen in &engine.containers {
        let name = format!("containers/{}", seen.name);
        match &seen.inspect {
            Ok(inspect) => bundle.add(&format!("{name}.json"), &pretty(inspect)),
            Err(why) => bundle.leave_out(&format!("{name}.json"), why),
        }
        match &seen.lines {
            Ok(lines) => bundle.add_log(&format!("{name}.log"), &lines.join("\n")),
            Err(why) => bundle.leave_out(&format!("{name}.log"), why),
        }
    }
}

async fn journals(cx: &Context, bundle: &mut Bundle, known: &Known, whole: Duration) {
    let soon = cx.deadline.at_most(whole / 4);
    let engine = async {
        match known.secrets.since {
            Some(since) => journal::tail(journal::ENGINE, Some(since), soon).await,
            None => Err("secrets that earlier launches were given are not known".to_owned()),
        }
    };
    // One tail by the other: their time is the same.
    let (own, engine) = join(journal::tail(journal::OWN, None, soon), engine).await;
    for (name, text) in [
        ("journal-firstlight.log", own),
        ("journal-docker.log", engine),
    ] {
        match text {
            Ok(text) => bundle.add_log(name, &text),
            Err(why) => bundle.leave_out(name, &why),
        }
    }
}
