//! `firstlight prefetch`: pulls specs' images while an image is built, so that a launch pulls only what
//! changed since. It starts nothing and leaves nothing but images.

use super::out;
use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings},
    docker,
    image::{self, Images},
    imds::{Identity, Imds, ImdsError},
    references,
    report::Report,
    verdict::{Exit, LaunchError, Stage},
};
use firstlight_userdata::{
    redact::Redactor,
    resolve::{Preparation, Values},
    sources::Sources,
    spec::{PullPolicy, Spec, Unresolved},
};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long all of it may take.
const WHOLE: Duration = Duration::from_secs(60 * 60);
/// How long metadata may take: the machine is up.
const IDENTIFY: Duration = Duration::from_secs(10);
/// One byte more than any source may have, so that the reader of sources sees the surplus.
const MOST: u64 = (1 << 20) + 1;

/// What to pull.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Specs or whole user data, merged in this order
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Reads, resolves what the pull needs, pulls.
pub async fn run(args: &Args, paths: Paths, timings: Timings, report: Report) -> Exit {
    let spec = match spec(&args.files) {
        Ok(spec) => spec,
        Err(exit) => return exit,
    };
    let imds = Imds::from_env(&timings, &report);
    let me = imds.identify(Deadline::after(IDENTIFY)).await;
    let region = me.as_ref().map_or("", |me| me.region.as_str());
    let cx = Context {
        aws: aws::config(&imds, region, &timings).await,
        deadline: Deadline::after(WHOLE),
        began: tokio::time::Instant::now(),
        paths,
        timings,
        imds,
        report,
    };
    match pull(&cx, me, &spec).await {
        Ok(images) => {
            let line = |image: &image::Image| format!("{} {}\n", image.reference, image.pinned);
            let mut lines: Vec<String> = images.values().map(line).collect();
            lines.sort();
            lines.dedup();
            out::result(&lines.concat(), Exit::Done)
        }
        Err(error) => {
            out::about(&format!("firstlight prefetch: {error}"));
            error.exit()
        }
    }
}

fn spec(files: &[PathBuf]) -> Result<Spec<Unresolved>, Exit> {
    let mut sources = Sources::default();
    for file in files {
        let bytes = read(file).map_err(|error| {
            let file = file.display();
            out::about(&format!(
                "firstlight prefetch: {file} cannot be read: {error}"
            ));
            Exit::Usage
        })?;
        sources.user_data(&file.display().to_string(), &bytes);
    }
    for include in sources.includes() {
        out::about(&format!(
            "note: {} was not read; name its file, too, for what it says of images",
            include.from
        ));
        sources.without(include.id);
    }
    sources.compose().map_err(|problems| {
        out::about(&problems.draw(out::colour()));
        Exit::Spec
    })
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn pull(
    cx: &Context,
    me: Result<Identity, ImdsError>,
    spec: &Spec<Unresolved>,
) -> Result<Images, LaunchError> {
    let (mut needed, redactor) = needed(cx, me, spec).await?;
    for pull in needed.pulls.images.values_mut() {
        // Who never pulls at launch wants it pulled here.
        if pull.policy == PullPolicy::Never {
            pull.policy = PullPolicy::Missing;
        }
    }
    // Whoever provisions has just started the engine: an absent one does not come up in the time of a pull.
    let soon = Context {
        deadline: Deadline::after(cx.timings.docker_attempt),
        ..cx.clone()
    };
    docker::engine(&soon)
        .await
        .map_err(|error| LaunchError::at(Stage::Pull, &error))?;
    let (images, _prepared) = image::prepare(cx, &needed.pulls, &redactor, &Images::new())
        .await
        .map_err(|error| LaunchError::at(Stage::Pull, &error))?;
    Ok(images)
}

/// What the pull needs. An instance must be there only where its metadata or role is asked for.
async fn needed(
    cx: &Context,
    me: Result<Identity, ImdsError>,
    spec: &Spec<Unresolved>,
) -> Result<(Preparation, Redactor), LaunchError> {
    let unfit = |error| LaunchError::at(Stage::Resolve, &error);
    if spec.targets_to_prepare().is_empty() {
        let values = Values::new();
        let prepared = spec.prepare(&values);
        let prepared = prepared.map_err(references::ReferenceError::Unfit);
        return Ok((prepared.map_err(unfit)?, Redactor::of(&values)));
    }
    let me = me.map_err(|error| LaunchError::at(Stage::Identify, &error))?;
    references::prepare(cx, &me, spec).await.map_err(unfit)
}
