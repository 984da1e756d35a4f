//! Arguments, log, runtime, exit code.

use firstlight::command;
use std::process::ExitCode;

fn main() -> ExitCode {
    command::tell_bugs();
    ExitCode::from(command::main().code())
}
