//! The tables, as tests/README.md has them.

use firstlight_tests::fleet::Launched;
use std::{fmt, time::Duration};

/// Fleets that met a limit: who was launched, and when.
#[derive(Debug, Default)]
pub(crate) struct Limited(Vec<Launched>);

/// Fleets without one: what a launch costs.
#[derive(Debug, Default)]
pub(crate) struct Unlimited(Vec<Launched>);

impl Limited {
    /// Adds a line and prints it.
    pub(crate) fn add(&mut self, launched: Launched) {
        print!("{}", Late(&launched));
        self.0.push(launched);
    }
}

impl Unlimited {
    /// Adds a line and prints it.
    pub(crate) fn add(&mut self, launched: Launched) {
        print!("{}", Cost(&launched));
        self.0.push(launched);
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| calls a launch needs | who | in service | ABANDON | tells nobody | last done | the limit imposes | ratio | calls a launch | throttled | CPU |"
        )?;
        writeln!(
            out,
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        self.0
            .iter()
            .try_for_each(|launched| write!(out, "{}", Late(launched)))
    }
}

impl fmt::Display for Unlimited {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| launches | in service | Parameter Store | Auto Scaling | metadata | CPU | all done |"
        )?;
        writeln!(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        self.0
            .iter()
            .try_for_each(|launched| write!(out, "{}", Cost(launched)))
    }
}

/// A line of [`Limited`].
struct Late<'a>(&'a Launched);

impl fmt::Display for Late<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Late(launched) = self;
        let calls = launched.tally.of("ssm");
        let least = launched.least().map(seconds).unwrap_or_default();
        // Where most gave up, the time that the rest took says nothing.
        let ratio = match launched.ratio() {
            Some(ratio) if launched.in_service == launched.fleet.instances => format!("{ratio:.2}"),
            Some(_) | None => "–".to_owned(),
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {least} | {ratio} | {:.1} | {:.1} | {} |",
            launched.fleet.need.calls(),
            launched.fleet.who,
            launched.in_service,
            launched.abandoned(),
            launched.silent,
            seconds(launched.tally.took()),
            launched.each((calls.answered + calls.throttled) as f64),
            launched.each(calls.throttled as f64),
            each_cpu(launched),
        )
    }
}

/// A line of [`Unlimited`].
struct Cost<'a>(&'a Launched);

impl fmt::Display for Cost<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost(launched) = self;
        writeln!(
            out,
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {} |",
            launched.fleet.instances,
            launched.in_service,
            launched.each(launched.tally.of("ssm").answered as f64),
            launched.each(launched.tally.of("autoscaling").answered as f64),
            launched.each(launched.tally.metadata as f64),
            each_cpu(launched),
            seconds(launched.tally.took()),
        )
    }
}

fn each_cpu(launched: &Launched) -> String {
    let each = launched.each(launched.cpu.as_secs_f64());
    format!("{:.1} ms", 1000.0 * each)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
