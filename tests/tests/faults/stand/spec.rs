//! A row's user data: its spec, a file of `specs/`, with the words that stand for its own names replaced.

use anyhow::{Context as _, Result};
use firstlight_tests::harness::Names;
use firstlight_tests::parts::repository;
use serde_json::{Value, json};

use super::source::Source;
use crate::shared::Shared;
use crate::table::Row;
use crate::words::Subject;

/// How long a launch may take whose fault is to outlast it; the same where containers are to start meanwhile; one that is to
/// succeed before a later transition is outlasted; and any other.
const TIMEOUTS: [&str; 4] = ["6s", "20s", "30s", "40s"];
/// Where the specs are, in the repository.
const SPECS: &str = "tests/tests/faults/specs";

/// The text of a row's spec.
pub(crate) fn text(row: &Row, shared: &Shared, source: &Source, names: &Names) -> Result<String> {
    let file = repository().join(SPECS).join(format!("{}.yaml", row.spec));
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(|| format!("reading {}", file.display()))?;
    let hosts: Vec<&str> = source.host.iter().map(String::as_str).collect();
    let timeout = match (row.outlasted(), source.docker_host()) {
        (true, None) if !text.contains("_IMAGE_") => TIMEOUTS[0],
        (true, _) => TIMEOUTS[1],
        (false, _) if row.stays() && row.exit != 0 => TIMEOUTS[2],
        (false, _) => TIMEOUTS[3],
    };
    let text = ["web", "db", "job"].iter().fold(text, |text, stem| {
        let word = format!("_{}_IS_", stem.to_uppercase());
        text.replace(&word, &settings(row, stem).to_string())
    });
    let text = named(&text, shared, names)
        .replace("_TIMEOUT_", timeout)
        .replace("_REGISTRIES_", &shared.registries(&hosts))
        .replace("_IMAGE_", &source.image);
    Ok(text)
}

/// A text of the table or of a spec with a row's own names in it.
pub(crate) fn named(text: &str, shared: &Shared, names: &Names) -> String {
    text.replace("_OWN_", &shared.suffix)
        .replace("_BUCKET_", &shared.bucket)
        .replace("_WEB_", &names.unique("web"))
        .replace("_DB_", &names.unique("db"))
        .replace("_JOB_", &names.unique("job"))
}

/// The settings of one container, by its stem.
fn settings(row: &Row, stem: &str) -> Value {
    let mut settings = json!({});
    for fault in &row.faults {
        if let Subject::Container(of, more) = &fault.on
            && *of == stem
            && let (Value::Object(all), Value::Object(more)) = (&mut settings, more)
        {
            all.extend(more.clone());
        }
    }
    settings
}
