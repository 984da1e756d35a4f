//! The table: medians of times, and medians of the rounds' ratios.

use std::{fmt, time::Duration};

use super::contender::Contender::{Agent, Floor, Script};

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    peak_kb: Option<u64>,
}

#[derive(Debug)]
struct Row {
    case: String,
    rounds: usize,
    milliseconds: [f64; 3],
    agent_by_floor: f64,
    script_by_agent: f64,
}

impl Table {
    /// One case's rounds; each has agent, script and floor.
    pub(crate) fn add(&mut self, case: &str, rounds: Vec<[Duration; 3]>) {
        let of = |pick: &dyn Fn(&[Duration; 3]) -> f64| median(rounds.iter().map(pick).collect());
        let seconds = |who: usize| move |round: &[Duration; 3]| round[who].as_secs_f64();
        let ratio = |over: usize, under: usize| {
            move |round: &[Duration; 3]| round[over].as_secs_f64() / round[under].as_secs_f64()
        };
        self.rows.push(Row {
            case: case.to_owned(),
            rounds: rounds.len(),
            milliseconds: [0, 1, 2].map(|who| 1000.0 * of(&seconds(who))),
            agent_by_floor: of(&ratio(Agent as usize, Floor as usize)),
            script_by_agent: of(&ratio(Script as usize, Agent as usize)),
        });
    }

    /// The agent's peak memory.
    pub(crate) fn peak(&mut self, kilobytes: u64) {
        self.peak_kb = Some(kilobytes);
    }

    /// The case added last, as a line of the table.
    pub(crate) fn last(&self) -> String {
        self.rows
            .last()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| case | agent | script | floor | agent / floor | script / agent | rounds |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &self.rows {
            write!(f, "{row}")?;
        }
        match self.peak_kb {
            Some(peak) => writeln!(
                f,
                "\nThe agent's peak memory (PSS): {:.1} MB",
                peak as f64 / 1024.0
            ),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [agent, script, floor] = self.milliseconds;
        writeln!(
            f,
            "| {} | {agent:.0} ms | {script:.0} ms | {floor:.0} ms | {:.2} | {:.1} | {} |",
            self.case, self.agent_by_floor, self.script_by_agent, self.rounds
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
