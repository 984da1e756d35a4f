//! The table: medians of times, and the median of the rounds' ratios.

use std::fmt;
use std::time::Duration;

use super::machine::{Boot, Launch};

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<String>,
}

impl Table {
    /// One suite's rounds: a boot with firstlight, and one without.
    pub(crate) fn add(&mut self, suite: &str, boots: &[(Boot, Boot)]) {
        let whole = |boot: fn(&(Boot, Boot)) -> Boot| {
            median(boots.iter().map(|pair| boot(pair).whole.as_secs_f64()))
        };
        let launched = |of: fn(&Launch) -> Duration| {
            let launches = boots.iter().filter_map(|(with, _)| with.launch.as_ref());
            median(launches.map(|launch| of(launch).as_secs_f64()))
        };
        let ratios = boots
            .iter()
            .map(|(with, without)| with.whole.as_secs_f64() / without.whole.as_secs_f64());
        self.rows.push(format!(
            "| {suite} | {:.2} s | {:.2} s | {:.2} | {:.0} ms | {:.2} s | {:.0} ms | {} |",
            whole(|(_, without)| *without),
            whole(|(with, _)| *with),
            median(ratios),
            1000.0 * launched(|launch| launch.ready),
            launched(|launch| launch.told),
            1000.0 * launched(|launch| launch.after_engine),
            boots.len()
        ));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| host | boot without | boot with | with / without | unit to READY | hook completed | engine up to hook completed | rounds |"
        )?;
        writeln!(
            f,
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
