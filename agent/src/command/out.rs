//! Writing to people and pipes. A reader that has gone away (`| head`) is no error: what could not be
//! said was not wanted.

use crate::report::logger;
use std::io::{self, IsTerminal, Write};

/// The result, to stdout.
pub(super) fn result(text: &str) {
    put(io::stdout().lock(), text);
}

/// What is to be said about it, to stderr.
pub(super) fn about(text: &str) {
    put(io::stderr().lock(), text);
}

/// Whether stderr is a terminal that wants colours.
pub(super) fn colour() -> bool {
    io::stderr().is_terminal() && logger::colour_welcome()
}

fn put(mut stream: impl Write, text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written = stream.write_all(text.as_bytes());
    written
        .and_then(|()| stream.write_all(end.as_bytes()))
        .and_then(|()| stream.flush())
        .ok();
}
