//! Arguments, log, runtime, exit code.

use firstlight::command;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(command::main().code())
}
