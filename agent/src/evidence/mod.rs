//! Evidence that outlives the instance: what is known of a failure, in one bundle.
//!
//! Before an ABANDON the driver calls [`preserve`]: the group takes the instance away once it has heard
//! it. `firstlight diagnose` makes the same bundle by hand, through [`by_hand`]. Neither changes anything on
//! the instance.
//!
//! **It never stands in the verdict's way.** Everything is waited for within `Timings::evidence` and ends
//! early enough for the delivery; what cannot be had is left out, and the bundle says so.
//!
//! **It holds no secret.** Resolved secrets are replaced by their references. Where they are not known
//! ([`mod@known`]), text of foreign origin stays out.
//!
//! - [`mod@known`]: the secrets, and where evidence goes; [`place`]: the key
//! - [`mod@gather`]: all of it, of [`host`], [`journal`] and [`containers`]
//! - [`bundle`], [`upload`]: what it is put into, and where
//!
//! To add something to the bundle: a line in `gather.rs`, and a row in README.md of this crate.

mod bundle;
mod containers;
mod gather;
mod host;
mod journal;
mod known;
mod place;
mod upload;

use crate::{
    context::{Context, Deadline},
    imds::Identity,
    lifecycle::Record,
    report::{
        status::{Evidence, Status},
        words,
    },
    verdict::{LaunchError, Stage},
};
use futures_util::future::join;
pub use gather::Gathered;
use known::Known;
use place::Place;
use std::time::Duration;
use tokio::time::timeout_at;
pub use upload::NotStored;

/// What a bundle is about, as far as it is known.
#[derive(Debug, Default)]
pub struct Subject<'a> {
    /// Who the instance is; without it nothing is resolved or uploaded.
    pub me: Option<&'a Identity>,
    /// The transition's record.
    pub record: Option<&'a Record>,
    /// What the status says.
    pub status: Option<Status>,
    /// The lines that this process said.
    pub said: Option<String>,
    /// What of this could not be had, and why.
    pub missing: Vec<(&'static str, String)>,
}

impl Subject<'_> {
    fn instance(&self) -> Option<&str> {
        let known = self.me.map(|me| me.instance_id.as_str());
        let recorded = || Some(self.record?.transition.instance_id.as_str());
        let told = || self.status.as_ref()?.instance_id.as_deref();
        known.or_else(recorded).or_else(told)
    }

    fn epoch(&self) -> u64 {
        let recorded = self.record.map(|record| record.transition.epoch);
        let told = || self.status.as_ref()?.epoch;
        recorded.or_else(told).unwrap_or_default()
    }

    fn boot(&self) -> &str {
        let recorded = self.record.map(|record| record.facts.boot.as_str());
        let told = || self.status.as_ref()?.boot_id.as_deref();
        recorded.or_else(told).unwrap_or_default()
    }

    /// `firstlight-i-0123456789abcdef0-1`: the bundle's folder, and what its file is called by hand.
    pub fn name(&self) -> String {
        let instance = self.instance().unwrap_or("unknown");
        format!("firstlight-{instance}-{}", self.epoch())
    }
}

/// Before an ABANDON: collects the evidence, puts it where the spec says, and tells people where it is.
/// They have been told the verdict.
///
/// `error` is why. Ends within `Timings::evidence`, and leaves the delivery its reserve, whatever hangs.
pub async fn preserve(cx: &Context, me: &Identity, record: &Record, error: &LaunchError) {
    let deadline = limit(cx);
    let whole = deadline.remaining();
    let cx = &cx.by(deadline);
    let evidence =
        match timeout_at(deadline.instant(), preserved(cx, me, record, error, whole)).await {
            Ok(evidence) => evidence,
            Err(_elapsed) => Evidence::Missing {
                why: format!("it took longer than {}", words::duration(whole)),
            },
        };
    cx.report.evidence(evidence);
}

/// Never longer than it may take, and the launch's deadline stands where the delivery's reserve begins.
/// When that is past, the delivery has at least a time of its own, less of which is the reserve.
fn limit(cx: &Context) -> Deadline {
    let timings = &cx.timings;
    let late = timings
        .delivery_least
        .saturating_sub(timings.delivery_reserve);
    cx.deadline
        .max(Deadline::after(late))
        .at_most(timings.evidence)
}

async fn preserved(
    cx: &Context,
    me: &Identity,
    record: &Record,
    error: &LaunchError,
    whole: Duration,
) -> Evidence {
    let missing = |why| Evidence::Missing { why };
    // What failed once is not tried again for this: it takes the time of what can be had.
    let again = error.stage != Stage::Resolve;
    let mut subject = Subject {
        me: Some(me),
        record: Some(record),
        ..Subject::default()
    };
    // Where the bundle lies, and what the page says, is after the group.
    let group = timeout_at(
        cx.deadline.at_most(whole / 4).instant(),
        cx.report.group_known(),
    );
    let (known, _) = join(known(cx, &subject, again, whole), group).await;
    let engine = gather::look(cx, &subject, &known, whole).await;
    if let Ok(engine) = &engine {
        let last = containers::last_lines(&engine.containers, &error.message);
        cx.report.last_lines(last);
    }
    let place = match &known.place {
        Ok(Some(place)) => place,
        Ok(None) => return Evidence::NotAsked,
        Err(why) => return missing(format!("where it goes is not known: {why}")),
    };
    subject.status = Some(cx.report.status());
    subject.said = Some(cx.report.said());
    let gathered = match gather::bundled(cx, &subject, &known, engine, whole).await {
        Ok(gathered) => gathered,
        Err(why) => return missing(why),
    };
    let key = place.key(&subject, "");
    match upload::put(cx, me, place, &key, gathered.archive).await {
        Ok(at) => Evidence::Stored { at },
        Err(error) => missing(error.why),
    }
}

async fn known(cx: &Context, subject: &Subject<'_>, again: bool, whole: Duration) -> Known {
    let soon = cx.by(cx.deadline.at_most(whole / 4));
    Known::of(&soon, subject, again).await
}

/// By hand: gathers what there is in the context's time, and knows where it could go.
///
/// # Errors
/// In words: nothing could be gathered at all.
pub async fn by_hand(
    cx: &Context,
    subject: &Subject<'_>,
) -> Result<(Gathered, Destination), String> {
    let whole = cx.deadline.remaining();
    let known = known(cx, subject, true, whole).await;
    let engine = gather::look(cx, subject, &known, whole).await;
    let gathered = gather::bundled(cx, subject, &known, engine, whole).await?;
    Ok((gathered, Destination(known.place)))
}

/// Where a bundle made by hand could go.
#[derive(Debug)]
pub struct Destination(Result<Option<Place>, String>);

impl Destination {
    /// Puts it there, beside the agent's own; `s3://bucket/key`.
    ///
    /// # Errors
    /// See [`NotStored`].
    pub async fn upload(
        &self,
        cx: &Context,
        subject: &Subject<'_>,
        archive: Vec<u8>,
        suffix: &str,
    ) -> Result<String, NotStored> {
        let place = match (&self.0, subject.me) {
            (Ok(Some(place)), Some(me)) => (place, me),
            (Ok(None), _) => return Err(NotStored::nowhere()),
            (Err(why), _) => return Err(NotStored::unknown(why)),
            (_, None) => return Err(NotStored::unknown(known::NOBODY)),
        };
        let (place, me) = place;
        upload::put(cx, me, place, &place.key(subject, suffix), archive).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws,
        context::{Paths, Timings},
        imds::Imds,
        report::Report,
    };
    use tokio::time::Instant;

    /// A launch that began so many seconds ago, and may take 100.
    async fn after(seconds: u64) -> Context {
        let (timings, report) = (Timings::default(), Report::default());
        let imds = Imds::from_env(&timings, &report);
        let whole = Duration::from_secs(100);
        let began = Instant::now() - Duration::from_secs(seconds);
        Context {
            aws: aws::config(&imds, "eu-west-1", &timings).await,
            deadline: Deadline::after(whole),
            began,
            paths: Paths::below(std::path::Path::new("/nowhere")),
            timings,
            imds,
            report,
        }
        .within(whole)
    }

    #[tokio::test]
    async fn it_takes_its_time_only_where_that_is_nobody_elses() {
        for (began, shorter, wanted) in [
            (0, None, 20),
            // The launch's deadline is past: the delivery has 60 s then, 30 of them its reserve.
            (90, None, 20),
            (900, None, 20),
            (90, Some(40), 10),
            (90, Some(20), 0),
            (73, Some(20), 2),
        ] {
            let mut cx = after(began).await;
            if let Some(least) = shorter {
                cx.timings.delivery_least = Duration::from_secs(least);
            }
            let limit = limit(&cx).remaining().as_secs_f64().round();
            assert_eq!(limit, f64::from(wanted), "{began} {shorter:?}");
        }
    }
}
