//! Fetches what a spec's references name: Parameter Store, Secrets Manager, metadata. All or nothing.
//!
//! To add a scheme: a variant of `firstlight_userdata::reference::Target`, a field of [`plan::Plan`],
//! and a file here that fetches it.

mod error;
mod metadata;
mod parameters;
mod path;
mod plan;
mod secrets;

pub use error::{Kind, Problem, ReferenceError};

use crate::{aws, context::Context, imds::Identity, retry};
use aws_config::SdkConfig;
use firstlight_userdata::{
    redact::Redactor,
    reference::Target,
    resolve::{self, Answer, Preparation, Values},
    spec::{Resolved, Spec, Unresolved},
};
use futures_util::{StreamExt, future::join4, stream};
use plan::Plan;
use std::{collections::BTreeMap, sync::Arc};

/// Calls in flight at once, of each kind. Parameter Store answers 40 a second for an account and
/// region (Systems Manager endpoints and quotas), which a whole fleet shares.
const IN_FLIGHT: usize = 4;

/// A spec with its values, and what may be said of them.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The spec with values.
    pub spec: Spec<Resolved>,
    /// What was resolved: the reference as written and its version, never its value.
    pub versions: BTreeMap<String, String>,
    /// SHA-256 over the unresolved document and the versions, hex: what containers are labelled with.
    pub digest: String,
    /// Replaces every secret among the values in text that firstlight did not write.
    pub redactor: Arc<Redactor>,
}

/// Fetches every value and puts it in its place.
///
/// # Errors
/// Every value that is missing, denied or undecryptable, in one error, with what to grant.
pub async fn resolve(
    cx: &Context,
    me: &Identity,
    spec: &Spec<Unresolved>,
) -> Result<Resolution, ReferenceError> {
    let values = fetch(&Fetcher { cx, me }, Plan::of(spec.targets())).await?;
    let resolved = spec.resolve(&values).map_err(ReferenceError::Unfit)?;
    let versions = resolve::versions(&values);
    Ok(Resolution {
        digest: spec.digest(&versions),
        spec: resolved,
        versions,
        redactor: Arc::new(Redactor::of(&values)),
    })
}

/// Fetches the values that pulling a spec's images takes, and no other.
///
/// # Errors
/// As [`resolve()`]'s.
pub async fn prepare(
    cx: &Context,
    me: &Identity,
    spec: &Spec<Unresolved>,
) -> Result<(Preparation, Redactor), ReferenceError> {
    let values = fetch(&Fetcher { cx, me }, Plan::of(spec.targets_to_prepare())).await?;
    let prepared = spec.prepare(&values).map_err(ReferenceError::Unfit)?;
    Ok((prepared, Redactor::of(&values)))
}

/// What one fetch came to: a value, or what is wrong with its reference.
type Outcome = Result<(Target, Answer), Problem>;

async fn fetch(fetcher: &Fetcher<'_>, plan: Plan) -> Result<Values, ReferenceError> {
    let parameters = stream::iter(plan.batches)
        .map(|batch| parameters::fetch(fetcher, batch))
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<Vec<Outcome>>>();
    let paths = stream::iter(plan.paths)
        .map(|path| path::fetch(fetcher, path))
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<Outcome>>();
    let secrets = stream::iter(plan.secrets)
        .map(|id| secrets::fetch(fetcher, id))
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<Outcome>>();
    let metadata = stream::iter(plan.metadata)
        .map(|path| metadata::fetch(fetcher, path))
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<Outcome>>();
    let (parameters, paths, secrets, metadata) = join4(parameters, paths, secrets, metadata).await;
    let mut values = Values::new();
    let mut problems = Vec::new();
    for outcome in parameters
        .into_iter()
        .flatten()
        .chain(paths)
        .chain(secrets)
        .chain(metadata)
    {
        match outcome {
            Ok((target, answer)) => {
                values.insert(target, answer);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(ReferenceError::unavailable(problems))
    }
}

/// What every fetch needs.
#[derive(Debug, Clone, Copy)]
struct Fetcher<'a> {
    cx: &'a Context,
    me: &'a Identity,
}

impl Fetcher<'_> {
    /// Settings for a call in `region`; `None`: the usual one.
    fn config(&self, region: Option<&str>) -> SdkConfig {
        aws::in_region(&self.cx.aws, region)
    }

    /// One AWS call, tried again until the deadline.
    async fn call<T>(
        &self,
        action: &'static str,
        config: &SdkConfig,
        attempt: impl AsyncFnMut() -> Result<T, aws::CallError>,
    ) -> Result<T, aws::CallError> {
        let backoff = self.cx.timings.backoff();
        retry::until(
            action,
            backoff,
            self.cx.deadline,
            &self.cx.report,
            |last| last.unwrap_or_else(|| aws::CallError::cut_off(action, config)),
            attempt,
        )
        .await
    }
}
