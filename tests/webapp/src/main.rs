//! A tiny service for tests and rehearsals. One mode by its first argument, settings by environment:
//!
//! | mode | does |
//! | --- | --- |
//! | `serve` (default) | HTTP on `PORT` (3000): `HEALTH_PATH` (`/healthcheck/`) answers 503 for the first `HEALTHY_AFTER` questions (0), then 200; with `HEALTH_STATUS` always that status, with `HEALTH_LOCATION` and that place, with `HEALTH_DELAY_MS` only after so long; `/inspect` answers what the container was given; anything else a greeting |
//! | `worker` | stays |
//! | `task [LINE…]` | prints the lines and exits with `EXIT_CODE` (0) |
//! | `probe` | exits 0 if the service on `PORT` answers its health path with 200: for a HEALTHCHECK |
//!
//! Other words are modes too where `MODES` says so, as in `migrate=task ping=probe`; the program's own name is such a word,
//! so that an image can hold it as `/usr/bin/pg_isready`.
//!
//! In every mode but `probe`: `PRINT` is printed first, a line for each `;`; `EXIT_AFTER_MS` ends the process with `EXIT_CODE` (1);
//! `TAKE_MB` of memory are taken;
//! `INSPECT_FILES`, separated by `:`, are looked at by `/inspect`. SIGTERM is ignored unless `init` runs it, for
//! PID 1 has no default handlers; `GET /stop` ends it.

mod inspect;
mod serve;

use std::process::ExitCode;
use std::time::Duration;
use std::{env, thread};

fn main() -> ExitCode {
    let mut arguments = env::args();
    let program = arguments.next().unwrap_or_default();
    let word = arguments.next().unwrap_or_else(|| "serve".to_owned());
    let named = program.rsplit('/').next().and_then(another);
    let mode = named.or_else(|| another(&word)).unwrap_or(word);
    if mode == "probe" {
        return serve::probe();
    }
    for line in setting("PRINT")
        .unwrap_or_default()
        .split(';')
        .filter(|line| !line.is_empty())
    {
        println!("{line}");
    }
    if let Some(after) = number("EXIT_AFTER_MS") {
        let code = exit_code(1);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(after));
            std::process::exit(code);
        });
    }
    let memory = vec![1_u8; number("TAKE_MB").unwrap_or(0) as usize * 1_000_000];
    std::hint::black_box(&memory);
    match mode.as_str() {
        "serve" => serve::serve(),
        "worker" => loop {
            thread::park();
        },
        "task" => {
            arguments.for_each(|line| println!("{line}"));
            ExitCode::from(u8::try_from(exit_code(0)).unwrap_or(1))
        }
        other => {
            eprintln!("unknown mode {other}: one of serve, worker, task, probe");
            ExitCode::from(64)
        }
    }
}

/// The mode that `MODES` gives a word.
fn another(word: &str) -> Option<String> {
    let modes = setting("MODES")?;
    let mut pairs = modes.split(' ').filter_map(|pair| pair.split_once('='));
    let (_, mode) = pairs.find(|(given, _)| *given == word)?;
    Some(mode.to_owned())
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    setting(name)?.parse().ok()
}

fn exit_code(default: i32) -> i32 {
    setting("EXIT_CODE")
        .and_then(|code| code.parse().ok())
        .unwrap_or(default)
}
