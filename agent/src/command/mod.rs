//! The command line: one file a command.
//!
//! `run` and `launch` are the driver's; what only looks is here. Results go to stdout, everything about
//! them to stderr, so that a pipe gets the result alone.
//!
//! To add a command: a variant of [`Command`], a file for it, an arm in `main`.

mod backstop;
pub mod check;
pub mod diagnose;
mod elsewhere;
#[cfg(test)]
mod generated;
mod out;
pub mod prefetch;
pub mod status;

use crate::{
    aws,
    context::{Context, Deadline, Paths, Timings},
    driver::{self, Stay},
    imds::Imds,
    report::{self, Report},
    spec::{self, SpecError},
    verdict::Exit,
};
use clap::Parser;
use firstlight_userdata::sources::Sources;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// What every help text ends in.
const AFTER: &str = "\
Exit codes:
   0  healthy and delivered, or nobody to tell
   1  a bug
  64  the command line is wrong, or a FILE cannot be read
  69  something was unreachable or throttled to the end
  75  interrupted, undecided; the next start resumes
  76  decided but not delivered
  77  denied
  78  the spec is invalid or names what does not exist
  80  the workload failed: a task, an exit, never healthy

What happened on this instance: `firstlight status`, and `journalctl -u firstlight`.";

/// Brings an EC2 instance from first boot to a verdict for its Auto Scaling group.
///
/// At launch: reads instance metadata and the launch spec in user data, resolves its references, pulls
/// its images, starts its containers, waits until they are healthy, and completes the group's
/// lifecycle hook with CONTINUE or ABANDON.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "firstlight", version, after_help = AFTER)]
pub struct Cli {
    /// Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Launch and signal, then exit with the verdict's code
    ///
    /// If another agent is at it already, follows it to its verdict.
    Launch,
    /// Launch and signal, then stay: keep services, drain when the instance is to go
    Run,
    /// Read specs or whole user data and report every error; offline
    Check(check::Args),
    /// Tell what happened on this instance, stage by stage
    Status(status::Args),
    /// Put what happened, logs and the state of containers and machine into one file
    ///
    /// Resolved secrets are replaced by their references. It reads only, and may run beside an agent.
    Diagnose(diagnose::Args),
    /// Pull the images of specs while a machine image is built; starts nothing
    Prefetch(prefetch::Args),
    /// Tell the group that the agent failed for good; for systemd, which starts it then
    Backstop,
}

/// Makes a panic what the exit codes promise: one line that says where, and exit code 1. Its own words
/// are kept back, for they may quote what was being handled.
pub fn tell_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "a place unknown".into());
        out::about(&format!(
            "firstlight: a bug, at {place} of version {}; please report it. The next start goes on from what is on record",
            env!("CARGO_PKG_VERSION")
        ));
        #[expect(
            clippy::exit,
            reason = "nothing can be unwound to: panics abort in the release"
        )]
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}

/// Reads the command line and does what it says.
pub fn main() -> Exit {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let paths = Paths::below(&cli.root);
    let timings = match Timings::from_env() {
        Ok(timings) => timings,
        Err(error) => {
            out::about(&format!("firstlight: {error}"));
            return Exit::Usage;
        }
    };
    // One thread: a launch waits far more than it works, and its first moments count.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            out::about(&format!("firstlight: cannot start: {error}"));
            return Exit::Bug;
        }
    };
    let exit = match &cli.command {
        Command::Launch => runtime.block_on(agent(&cli.root, paths, timings, Stay::Leave)),
        Command::Run => runtime.block_on(agent(&cli.root, paths, timings, Stay::Stay)),
        Command::Check(args) => {
            let report = report::looking();
            runtime.block_on(check::run(args, async || {
                effective(paths, timings, report).await
            }))
        }
        Command::Status(args) => status::run(args, &paths),
        Command::Diagnose(args) => {
            let report = report::looking();
            runtime.block_on(diagnose::run(args, paths, timings, report))
        }
        Command::Prefetch(args) => {
            let report = report::looking();
            runtime.block_on(prefetch::run(args, paths, timings, report))
        }
        Command::Backstop => runtime.block_on(backstop::run(&cli.root, paths, timings)),
    };
    // musl looks names up on a blocking thread that nothing can cut off: it is not waited for.
    runtime.shutdown_background();
    exit
}

/// The agent itself, for one launch or to stay.
async fn agent(root: &Path, paths: Paths, timings: Timings, stay: Stay) -> Exit {
    let report = || report::init(root, &Paths::below(root));
    if stay == Stay::Stay
        && let Some(why) = elsewhere::elsewhere(root, &timings).await
    {
        let report = report();
        report.ready();
        report.info(&why);
        return Exit::Done;
    }
    driver::run(paths, timings, stay, report).await
}

/// What this instance is told, for `check` without files.
async fn effective(paths: Paths, timings: Timings, report: Report) -> Result<Sources, SpecError> {
    let imds = Imds::from_env(&timings, &report);
    // A person waits: less patience than at boot.
    let deadline = Deadline::after(Duration::from_secs(30));
    let me = imds.identify(deadline).await?;
    let aws = aws::config(&imds, &me.region, &timings).await;
    let began = tokio::time::Instant::now();
    let cx = Context {
        paths,
        timings,
        deadline,
        began,
        imds,
        aws,
        report,
    };
    spec::gather(&cx, &me).await
}

impl Cli {
    /// Reads the command line; the first argument is the program's name. Help, version and usage
    /// errors are printed here.
    ///
    /// # Errors
    /// The exit code, when there is nothing (more) to do: `Done` after help, `Usage` after an error.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
        Cli::try_parse_from(arguments).map_err(|error| {
            // A closed pipe leaves nobody to tell.
            error.print().ok();
            if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(line: &str) -> Result<Cli, Exit> {
        Cli::read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_exit_64_and_help_exits_0() {
        for (line, exit) in [
            ("firstlight", Exit::Usage),
            ("firstlight lunch", Exit::Usage),
            ("firstlight launch now", Exit::Usage),
            ("firstlight check --format xml", Exit::Usage),
            ("firstlight diagnose here.tar.gz", Exit::Usage),
            ("firstlight prefetch", Exit::Usage),
            ("firstlight --help", Exit::Done),
            ("firstlight help check", Exit::Done),
            ("firstlight --version", Exit::Done),
        ] {
            assert_eq!(read(line), Err(exit), "{line}");
        }
    }

    #[test]
    fn the_root_may_stand_on_either_side() {
        for line in ["firstlight --root /r launch", "firstlight launch --root /r"] {
            let cli = read(line).unwrap();
            assert_eq!(
                (cli.root, cli.command),
                (PathBuf::from("/r"), Command::Launch)
            );
        }
        assert_eq!(read("firstlight launch").unwrap().root, PathBuf::from("/"));
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for exit in [
            Exit::Done,
            Exit::Bug,
            Exit::Usage,
            Exit::Unavailable,
            Exit::Interrupted,
            Exit::Undelivered,
            Exit::Denied,
            Exit::Spec,
            Exit::Workload,
        ] {
            assert!(AFTER.contains(&format!("{:>4}  ", exit.code())), "{exit:?}");
        }
    }
}
