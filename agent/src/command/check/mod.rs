//! `firstlight check`: what a spec would do, or everything that is wrong with it.
//!
//! Offline. Each FILE is read as user data: a plain document (a drop-in is one), MIME, gzip, base64.
//! Errors go to stderr, drawn; the plan, and JSON either way, to stdout.

mod plan;
mod text;

use super::out;
use crate::{
    report::words,
    verdict::{Exit, Failure, Stage},
};
use firstlight_userdata::{
    diagnostic::{Diagnostics, draw},
    sources::{Said, Sources},
};
use plan::Plan;
use serde::Serialize;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The most bytes of user data that EC2 takes, before base64 (EC2 User Guide, "Run commands when you
/// launch an EC2 instance with user data input").
const EC2_LIMIT: u64 = 16_384;

/// One byte more than any source may have, so that the reader of sources sees the surplus.
const MOST: u64 = (1 << 20) + 1;

/// What to check.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Specs or whole user data, merged in this order; `-` is standard input. Without FILE: what this
    /// instance's drop-ins and user data say together, each key with its source
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to tell: drawn for people, or one JSON document on stdout for editors and CI
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Checks the files, or without any what `gather` brings from this instance.
pub async fn run<E: Failure>(
    args: &Args,
    gather: impl AsyncFnOnce() -> Result<Sources, E>,
) -> Exit {
    let mut sizes = Vec::new();
    let sources = if args.files.is_empty() {
        gather().await.map_err(|error| {
            out::about(&format!("firstlight check: {error}"));
            error.reason().exit(Stage::Configure)
        })
    } else {
        read(&args.files, &mut sizes)
    };
    match sources {
        Ok(sources) => tell(
            args.format,
            &Findings::of(sources, sizes, args.files.is_empty()),
        ),
        Err(exit) => exit,
    }
}

/// The size of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Size {
    source: String,
    bytes: u64,
    /// What EC2 takes as user data.
    limit: u64,
}

fn read(files: &[PathBuf], sizes: &mut Vec<Size>) -> Result<Sources, Exit> {
    let mut sources = Sources::default();
    for file in files {
        let name = if is_stdin(file) {
            "standard input".into()
        } else {
            // A name may hold what would move the cursor.
            words::tame(&file.display().to_string()).replace('\n', "\u{fffd}")
        };
        let bytes = bytes(file).map_err(|error| {
            out::about(&format!("firstlight check: {name} cannot be read: {error}"));
            Exit::Usage
        })?;
        sources.user_data(&name, &bytes);
        sizes.push(Size {
            source: name,
            bytes: bytes.len() as u64,
            limit: EC2_LIMIT,
        });
    }
    Ok(sources)
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_stdin(file) {
        io::stdin().lock().take(MOST).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(MOST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Everything that is to be told.
#[derive(Debug)]
struct Findings {
    notes: Vec<String>,
    sizes: Vec<Size>,
    /// Who said what; only for this instance's own spec.
    effective: Vec<Said>,
    /// `Ok(None)`: no source says anything to firstlight.
    plan: Result<Option<Plan>, Diagnostics>,
}

impl Findings {
    fn of(mut sources: Sources, sizes: Vec<Size>, whose: bool) -> Findings {
        let mut notes = Vec::new();
        for include in sources.includes() {
            notes.push(format!(
                "{} was not read: an include is fetched on the instance; what it says is missing here",
                include.from
            ));
            sources.without(include.id);
        }
        notes.extend(sizes.iter().filter(|size| size.bytes > size.limit).map(|size| {
            format!(
                "{} has {} bytes, and EC2 takes {} as user data: gzip it, or move part of it to an include",
                size.source, size.bytes, size.limit
            )
        }));
        let effective = if whose {
            sources.effective()
        } else {
            Vec::new()
        };
        let plan = if sources.is_empty() {
            notes.push(
                "no source holds a spec; an instance would launch nothing and tell nobody".into(),
            );
            Ok(None)
        } else {
            sources.compose().map(|spec| Some(Plan::of(&spec)))
        };
        Findings {
            notes,
            sizes,
            effective,
            plan,
        }
    }

    fn exit(&self) -> Exit {
        match self.plan {
            Ok(_) => Exit::Done,
            Err(_) => Exit::Spec,
        }
    }
}

fn tell(format: Format, findings: &Findings) -> Exit {
    match format {
        Format::Json => out::result(&json(findings), findings.exit()),
        Format::Text => {
            for note in &findings.notes {
                out::about(&format!("note: {note}"));
            }
            match &findings.plan {
                Ok(Some(plan)) => {
                    let text = text::draw(plan, &findings.sizes, &findings.effective);
                    out::result(&text, findings.exit())
                }
                Ok(None) => findings.exit(),
                Err(problems) => {
                    let drawn = problems.draw(out::colour());
                    out::about(&format!("{drawn}\n\n{}", count(problems)));
                    findings.exit()
                }
            }
        }
    }
}

fn count(problems: &Diagnostics) -> String {
    match problems.0.len() {
        1 => "1 problem".into(),
        many => format!("{many} problems"),
    }
}

/// The shape of `--format json`. It is API.
#[derive(Serialize)]
struct Json<'a> {
    /// No problem was found.
    valid: bool,
    problems: Vec<draw::Report<'a>>,
    notes: &'a [String],
    sizes: &'a [Size],
    /// `null` when there are problems or there is no spec.
    plan: Option<&'a Plan>,
    effective: Vec<Key<'a>>,
}

/// One key of this instance's spec and who said it.
#[derive(Serialize)]
struct Key<'a> {
    path: &'a str,
    value: &'a str,
    source: &'a str,
}

impl<'a> From<&'a Said> for Key<'a> {
    fn from(said: &'a Said) -> Key<'a> {
        let Said {
            path,
            value,
            source,
        } = said;
        Key {
            path,
            value,
            source,
        }
    }
}

fn json(findings: &Findings) -> String {
    let (plan, problems) = match &findings.plan {
        Ok(plan) => (plan.as_ref(), Vec::new()),
        Err(problems) => (None, problems.reports()),
    };
    let json = Json {
        valid: findings.plan.is_ok(),
        problems,
        notes: &findings.notes,
        sizes: &findings.sizes,
        plan,
        effective: findings.effective.iter().map(Key::from).collect(),
    };
    serde_json::to_string_pretty(&json).unwrap_or_default()
}

#[cfg(test)]
mod tests;
