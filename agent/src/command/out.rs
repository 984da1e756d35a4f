//! Writing to people and pipes. A reader that has gone away (`| head`) is no error: what could not be
//! said was not wanted. A full disk is one: who reads an empty report must not read it as a good one.

use crate::{report::logger, verdict::Exit};
use std::io::{self, IsTerminal, Write};

/// The result, to stdout: `exit` when it was said, or nobody wants it.
pub(super) fn result(text: &str, exit: Exit) -> Exit {
    match put(io::stdout().lock(), text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            about(&format!(
                "firstlight: the result cannot be written: {error}"
            ));
            Exit::Unavailable
        }
        _ => exit,
    }
}

/// What is to be said about it, to stderr.
pub(super) fn about(text: &str) {
    // Nobody is left to tell that nobody could be told.
    put(io::stderr().lock(), text).ok();
}

/// Whether stderr is a terminal that wants colours.
pub(super) fn colour() -> bool {
    io::stderr().is_terminal() && logger::colour_welcome()
}

fn put(mut stream: impl Write, text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    stream.write_all(text.as_bytes())?;
    stream.write_all(end.as_bytes())?;
    stream.flush()
}
