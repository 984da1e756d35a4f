//! Reads `tests/faults.md`: a row a line, its columns as its head has them.

use anyhow::{Context as _, Result, bail, ensure};
use firstlight_tests::harness::play::Heard;
use firstlight_tests::parts::repository;

use crate::words::{Lasts, Ordered, Subject, When, ordered};

/// The one table.
const TABLE: &str = "tests/faults.md";
/// What its head must be: a column's meaning is in tests/README.md.
const HEAD: [&str; 11] = [
    "of", "row", "spec", "faults", "command", "exit", "stage", "reason", "heard", "reads", "then",
];
/// In a cell: there is none.
const NONE: &str = "-";
/// Between two lines of a cell.
const LINE: &str = "<br>";

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The group it belongs to, which is run by the test of that name.
    pub(crate) of: String,
    pub(crate) name: String,
    /// What the launch template says: a file of `specs/`.
    pub(crate) spec: String,
    pub(crate) faults: Vec<Ordered>,
    /// What is run.
    pub(crate) command: String,
    pub(crate) exit: i32,
    /// Stage and reason, where the launch fails.
    pub(crate) failure: Option<(String, String)>,
    /// What counted at the group, in order.
    pub(crate) heard: Vec<Heard>,
    /// Each is read by whoever runs it.
    pub(crate) reads: Vec<String>,
    /// What comes of the same command run once more, nothing being wrong any more.
    pub(crate) then: Option<(i32, Vec<Heard>)>,
}

impl Row {
    /// Whether its image is in ECR.
    pub(crate) fn is_of_ecr(&self) -> bool {
        self.spec == "ecr"
    }

    /// Whether the agent stays once it has its verdict.
    pub(crate) fn stays(&self) -> bool {
        self.command == "run"
    }

    /// Whether a fault ends once it can be read of.
    pub(crate) fn is_told(&self) -> bool {
        let told = |fault: &Ordered| fault.lasts == Lasts::UntilTold;
        self.faults.iter().any(told)
    }

    /// Whether the group ends the instance.
    pub(crate) fn is_terminated(&self) -> bool {
        let terminating = |fault: &Ordered| fault.when == Some(When::Terminating);
        self.faults.iter().any(terminating)
    }

    /// How many transitions the instance goes through.
    pub(crate) fn transitions(&self) -> u64 {
        1 + u64::from(self.is_terminated())
    }

    /// Whether its fault outlasts the launch, which then ends when its time does.
    pub(crate) fn outlasted(&self) -> bool {
        if self.stays() {
            return false;
        }
        let reason = self.failure.as_ref().map(|(_, reason)| reason.as_str());
        match reason {
            Some("deadline") => true,
            Some("state_unusable") => false,
            Some(_) | None => [69, 76].contains(&self.exit),
        }
    }

    pub(crate) fn has(&self, is: impl Fn(&Subject) -> bool) -> bool {
        self.faults.iter().any(|fault| is(&fault.on))
    }
}

/// Every row.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let file = repository().join(TABLE);
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(|| format!("reading {}", file.display()))?;
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let head = cells(lines.next().context("no table")?);
    ensure!(head == HEAD, "the head of the table is {head:?}");
    // Below it a line that only draws.
    lines
        .skip(1)
        .map(|line| row(line).with_context(|| line.to_owned()))
        .collect()
}

fn cells(line: &str) -> Vec<&str> {
    let inside = line.trim().trim_matches('|');
    inside.split(" | ").map(str::trim).collect()
}

fn row(line: &str) -> Result<Row> {
    let cells: [&str; HEAD.len()] = cells(line)
        .try_into()
        .ok()
        .context("too many cells, or too few")?;
    let [
        of,
        name,
        spec,
        faults,
        command,
        exit,
        stage,
        reason,
        heard,
        reads,
        then,
    ] = cells;
    let texts = |cell: &str| -> Vec<String> {
        let lines = cell.split(LINE).filter(|line| *line != NONE);
        lines.map(str::to_owned).collect()
    };
    let failure = match (stage, reason) {
        (NONE, NONE) => None,
        (stage, reason) => {
            ensure!(
                ![stage, reason].contains(&NONE),
                "a stage without a reason, or a reason without"
            );
            Some((stage.to_owned(), reason.to_owned()))
        }
    };
    Ok(Row {
        of: of.to_owned(),
        name: name.to_owned(),
        spec: spec.to_owned(),
        faults: texts(faults)
            .iter()
            .map(|text| ordered(text))
            .collect::<Result<_>>()?,
        command: command.to_owned(),
        exit: exit.parse().context("exit")?,
        failure,
        heard: all_heard(heard)?,
        reads: texts(reads),
        then: match then.split_once(' ') {
            None => {
                ensure!(then == NONE, "then: {then}");
                None
            }
            Some((code, heard)) => Some((code.parse().context("then")?, all_heard(heard)?)),
        },
    })
}

fn all_heard(cell: &str) -> Result<Vec<Heard>> {
    if cell == "nothing" {
        return Ok(Vec::new());
    }
    let each = cell.split(", ").map(|word| match word {
        "CONTINUE" => Ok(Heard::Continue),
        "ABANDON" => Ok(Heard::Abandon),
        other => bail!("{other:?} is nothing that is heard"),
    });
    each.collect()
}
