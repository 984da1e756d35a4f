//! `firstlight diagnose`: the bundle that goes out before an ABANDON, made by hand. It reads, and changes
//! nothing; it needs no lock, so an agent may be at work.

use super::out;
use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings},
    evidence::{self, Subject},
    imds::{Identity, Imds},
    report::{Report, status},
    state,
    verdict::Exit,
};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use time::OffsetDateTime;

/// How long a person waits.
const WHOLE: Duration = Duration::from_secs(60);
/// How long metadata may take to say who the instance is: without it there is still much to gather.
const IDENTIFY: Duration = Duration::from_secs(5);

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// The file to write; by default one named after instance and time in the current directory. An
    /// existing file is not replaced
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also put it where the spec's `diagnostics` says
    #[arg(long)]
    pub upload: bool,
}

/// Gathers, writes, uploads.
pub async fn run(args: &Args, paths: Paths, timings: Timings, report: Report) -> Exit {
    let imds = Imds::from_env(&timings, &report);
    let me = imds.identify(Deadline::after(IDENTIFY)).await;
    let region = me.as_ref().map_or("", |me| me.region.as_str());
    let cx = Context {
        deadline: Deadline::after(WHOLE),
        began: tokio::time::Instant::now(),
        aws: aws::config(&imds, region, &timings).await,
        paths,
        timings,
        imds,
        report,
    };
    let mut missing = Vec::new();
    if let Err(error) = &me {
        missing.push(("who this instance is", error.to_string()));
    }
    let me = me.ok();
    let record = state::peek(&cx.paths.var).unwrap_or_else(|error| {
        missing.push(("the record", error.to_string()));
        None
    });
    let status = status::read(&cx.paths.var).unwrap_or_else(|error| {
        missing.push(("status.json", error.to_string()));
        None
    });
    let subject = Subject {
        me: me.as_ref(),
        record: record.as_ref().filter(|record| is_of(record, me.as_ref())),
        status: status.map(|(_, status)| status),
        said: None,
        missing,
    };
    told(args, &cx, &subject).await
}

/// A record that was baked into an image is another instance's.
fn is_of(record: &crate::lifecycle::Record, me: Option<&Identity>) -> bool {
    me.is_none_or(|me| record.is_of(me))
}

async fn told(args: &Args, cx: &Context, subject: &Subject<'_>) -> Exit {
    let (gathered, destination) = match evidence::by_hand(cx, subject).await {
        Ok(gathered) => gathered,
        Err(why) => {
            out::about(&format!("firstlight diagnose: {why}"));
            return Exit::Bug;
        }
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let named = || PathBuf::from(format!("{}-{now}.tar.gz", subject.name()));
    let file = args.output.clone().unwrap_or_else(named);
    if let Err(error) = write(&file, &gathered.archive) {
        let file = file.display();
        out::about(&format!(
            "firstlight diagnose: {file} cannot be written: {error}"
        ));
        return unwritten(&error);
    }
    for line in gathered.left_out.lines() {
        out::about(&format!("left out: {line}"));
    }
    let mut places = format!("{}\n", file.display());
    let mut exit = Exit::Done;
    if args.upload {
        let suffix = format!("-by-hand-{now}");
        let uploaded = destination.upload(cx, subject, gathered.archive, &suffix);
        match uploaded.await {
            Ok(at) => places.push_str(&at),
            Err(error) => {
                out::about(&format!("firstlight diagnose: not uploaded: {}", error.why));
                exit = error.exit;
            }
        }
    }
    out::result(&places, exit)
}

fn unwritten(error: &io::Error) -> Exit {
    let is = |kind| error.kind() == kind;
    if is(io::ErrorKind::PermissionDenied) {
        Exit::Denied
    } else if is(io::ErrorKind::AlreadyExists) || is(io::ErrorKind::NotFound) {
        Exit::Usage
    } else {
        Exit::Unavailable
    }
}

/// A new file that only its owner may read: what it holds is about a machine's inside.
fn write(file: &Path, archive: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?
        .write_all(archive)
}
