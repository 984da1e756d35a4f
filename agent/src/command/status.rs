//! `firstlight status`: what happened on this instance, in words or as it lies on disk.

use super::out;
use crate::{
    context::Paths,
    report::{
        status::{self, StatusError},
        story, words,
    },
    verdict::Exit,
};
use std::io;

/// What to tell.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Print the status file as it is; `null` when nothing has run yet
    #[arg(long)]
    pub json: bool,
}

/// Tells what happened.
pub fn run(args: &Args, paths: &Paths) -> Exit {
    let text = match status::read(&paths.var) {
        Ok(None) if args.json => "null".to_owned(),
        Ok(None) => "firstlight has not run on this instance yet".to_owned(),
        Ok(Some((text, _))) if args.json => text,
        Ok(Some((_, status))) => words::tame(&story::told(&status)).into_owned(),
        Err(error) => {
            out::about(&format!("firstlight status: {error}"));
            return exit(&error);
        }
    };
    out::result(&text, Exit::Done)
}

fn exit(error: &StatusError) -> Exit {
    match error {
        StatusError::Unreadable { error, .. }
            if error.kind() == io::ErrorKind::PermissionDenied =>
        {
            Exit::Denied
        }
        StatusError::Unreadable { .. }
        | StatusError::Damaged { .. }
        | StatusError::Foreign { .. } => Exit::Unavailable,
    }
}
