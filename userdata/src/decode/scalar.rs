//! Shapes of single values without references.

use super::{Problems, Shape};
use crate::{
    diagnostic::{did_you_mean, quote},
    node::{Kind, Node},
    reference::Template,
    spec::{
        Device, DrainOn, Encoding, Gpus, NetworkMode, Port, PullPolicy, Restart, Volume,
        WhenServiceDies,
    },
    value::{
        Complaint, bytes, cpus, device, duration, matcher, mode, name, network, path, port, volume,
    },
};
use serde_json::{Value as Json, json};
use std::{marker::PhantomData, str::FromStr, time::Duration};

/// What to do where text is wanted and YAML reads something else.
pub(super) const IN_QUOTES: &str = "write one text, in quotes where YAML reads a list or a map";

/// Reads a single value's text.
fn scalar<T>(
    node: &Node,
    cx: &mut Problems<'_>,
    wanted: &str,
    parse: impl Fn(&str) -> Result<T, Complaint>,
) -> Option<T> {
    let Kind::Scalar { text, .. } = &node.kind else {
        // What to write is what an empty text would be told.
        let hint = parse("").err().and_then(|complaint| complaint.hint);
        cx.wrong_kind(node, wanted, hint.unwrap_or_else(|| IN_QUOTES.to_owned()));
        return None;
    };
    let checked = no_reference(text, node, cx.here())
        .and_then(|()| no_nul(text))
        .and_then(|()| parse(text));
    cx.check(&node.span, checked)
}

fn no_reference(text: &str, node: &Node, key: &str) -> Result<(), Complaint> {
    match Template::parse(text, node.span.clone()) {
        Ok(template) if template.as_literal().is_some() => Ok(()),
        Ok(_) | Err(_) => Err(Complaint::new(format!("`{key}` takes no references"))
            .hint("they may stand in `environment`, `files`, `registries`, `image`, `command` and a few more, see the reference")),
    }
}

fn no_nul(text: &str) -> Result<(), Complaint> {
    if text.contains('\0') {
        Err(Complaint::new("a NUL byte may not stand here").hint("take it out"))
    } else {
        Ok(())
    }
}

/// Declares shapes: name, value, what it takes, how it is parsed, schema.
macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident: $value:ty = $wanted:literal, $parse:expr, $schema:tt;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;
        impl Shape for $name {
            type Value = $value;
            fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<$value> {
                scalar(node, cx, $wanted, $parse)
            }
            fn schema() -> Json {
                json!($schema)
            }
        }
    )*};
}

scalars! {
    /// Any text but an empty one.
    Word: String = "text", word, { "type": ["string", "number", "boolean"], "minLength": 1 };
    /// Any text.
    Plain: String = "text", |text| Ok(text.to_owned()), { "type": ["string", "number", "boolean"] };
    /// A duration above zero.
    Time: Duration = "a duration, as in `90s`", duration::positive, { "type": "string", "pattern": DURATION };
    /// A duration.
    Delay: Duration = "a duration, as in `90s`", duration::parse, { "type": "string", "pattern": DURATION };
    /// A size in bytes.
    Size: i64 = "a size, as in `512m`", bytes::positive, { "type": ["string", "integer"], "pattern": "^[0-9]+([bB]|[kKmMgG][bB]?)?$" };
    /// A memory limit: the engine refuses one below 6 MiB.
    Memory: i64 = "a size, as in `512m`", memory, { "type": ["string", "integer"], "pattern": "^[0-9]+([bB]|[kKmMgG][bB]?)?$" };
    /// A number of CPUs.
    Cpus: i64 = "a number of CPUs, as in `0.5`", cpus::parse, { "type": ["number", "string"], "pattern": "^[0-9]+(\\.[0-9]{1,9})?$" };
    /// A process limit.
    Pids: i64 = "a number of processes", pids, { "type": ["integer", "string"], "minimum": -1, "pattern": "^(-1|[1-9][0-9]*)$" };
    /// A user's or group's number. The last one means "as it is" to chown.
    Id: u32 = "a number", |text| number(text, 0..=u32::MAX - 1), { "type": ["integer", "string"], "minimum": 0, "maximum": 4_294_967_294_u32, "pattern": "^[0-9]+$" };
    /// How many successes are wanted.
    Count: u32 = "a number", |text| number(text, 1..=1000), { "type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$" };
    /// One limit of a ulimit.
    Limit: i64 = "a number", |text| number(text, -1..=i64::MAX), { "type": ["integer", "string"], "minimum": -1, "pattern": "^(-1|[0-9]+)$" };
    /// A port.
    PortNumber: u16 = "a port", port_number, { "type": ["integer", "string"], "minimum": 1, "maximum": 65535, "pattern": "^[0-9]+$" };
    /// Permission bits.
    Mode: u32 = "an octal mode, as in \"0400\"", mode::parse, { "type": ["string", "integer"], "pattern": "^0?[0-7]{3}$" };
    /// HTTP statuses.
    Matcher: Vec<(u16, u16)> = "HTTP statuses, as in \"200-299\"", matcher::parse, { "type": ["string", "integer"], "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?(, *[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$" };
    /// The path and query of a request.
    UrlPath: String = "a path", url_path, { "type": "string", "pattern": "^/" };
    /// A published port.
    Published: Port = "\"HOST:CONTAINER\"", port::parse, { "type": ["string", "integer"] };
    /// A volume.
    Mounted: Volume = "\"SOURCE:TARGET\"", volume::parse, { "type": "string", "pattern": "^[^.~:][^:]+:/[^:]+(:r[ow])?$" };
    /// A device.
    Mapped: Device = "a device, as in \"/dev/fuse\"", device::parse, { "type": "string", "pattern": "^/" };
    /// A tmpfs mount.
    Tmpfs: (String, String) = "a path", path::tmpfs, { "type": "string", "pattern": "^/" };
    /// An absolute path.
    Path: String = "an absolute path", |text| path::absolute(text).map(|()| text.to_owned()), { "type": "string", "pattern": "^/" };
    /// A network mode.
    Network: NetworkMode = "a network mode", network::parse, { "type": "string", "pattern": "^(bridge|host|none|service:[a-z0-9-]+)$" };
    /// A service's or task's name.
    Name: String = "a name", |text| name::container(text).map(|()| text.to_owned()), { "type": "string", "pattern": NAME };
    /// A signal.
    SignalName: String = "a signal, as in `SIGTERM`", signal, { "type": ["string", "integer"], "pattern": "^(SIG[A-Z0-9+-]+|[A-Z][A-Z0-9+-]*|[1-9][0-9]?)$" };
    /// A capability.
    Capability: String = "a capability, as in `NET_ADMIN`", capability, { "type": "string", "pattern": "^[A-Z][A-Z0-9_]*$" };
    /// GPUs.
    GpuCount: Gpus = "`all` or a number", gpus, { "anyOf": [{ "const": "all" }, { "type": "integer", "minimum": 1 }] };
}

const DURATION: &str = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?$";
/// What [`name::container`] takes.
pub(super) const NAME: &str = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$";

/// Where a text may not be empty.
pub(super) fn empty() -> Complaint {
    Complaint::new("an empty text may not stand here").hint("write one text, or leave the key out")
}

fn word(text: &str) -> Result<String, Complaint> {
    if text.trim().is_empty() {
        return Err(empty());
    }
    Ok(text.to_owned())
}

fn memory(text: &str) -> Result<i64, Complaint> {
    match bytes::positive(text)? {
        few if few < 6 << 20 => Err(Complaint::new(format!(
            "`{text}` is less memory than Docker allows"
        ))
        .hint("6m is the least")),
        bytes => Ok(bytes),
    }
}

fn pids(text: &str) -> Result<i64, Complaint> {
    match number(text, -1..=i64::MAX)? {
        0 => Err(Complaint::new("a limit of 0 processes").hint("-1 is no limit")),
        limit => Ok(limit),
    }
}

fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, Complaint> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = text
        .parse()
        .ok()
        .filter(|number| range.contains(number) && digits.bytes().all(|b| b.is_ascii_digit()));
    number.ok_or_else(|| {
        Complaint::new(format!(
            "{} is no whole number from {} to {}",
            quote(text),
            range.start(),
            range.end()
        ))
        .hint("write its digits alone")
    })
}

fn port_number(text: &str) -> Result<u16, Complaint> {
    port::number(text).ok_or_else(|| {
        Complaint::new(format!("{} is no port", quote(text))).hint("it is a number from 1 to 65535")
    })
}

fn url_path(text: &str) -> Result<String, Complaint> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if text.starts_with('/') && !text.starts_with("//") && plain {
        return Ok(text.to_owned());
    }
    Err(
        Complaint::new(format!("{} is no path of a request", quote(text)))
            .hint("begin it with `/`, and percent-encode what is no visible ASCII"),
    )
}

/// Linux's signals by the names that Docker knows (moby's `signal` package), without `SIG`; of the real-time ones only
/// the beginning.
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

fn signal(text: &str) -> Result<String, Complaint> {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let real_time = |sign| {
        let (start, number) = name.split_once(sign)?;
        let known = matches!((start, sign), ("RTMIN", '+') | ("RTMAX", '-'));
        (known && matches!(number.parse::<u8>(), Ok(1..=15))).then_some(())
    };
    let named = SIGNALS.contains(&name) || real_time('+').is_some() || real_time('-').is_some();
    if named || matches!(text.parse::<u8>(), Ok(1..=64)) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{} is no signal", quote(text)))
        .hint("write it as in `SIGTERM`; `kill -l` lists them"))
}

fn capability(text: &str) -> Result<String, Complaint> {
    let valid = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(valid) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{} is no capability", quote(text)))
        .hint("write it as in `NET_ADMIN`, or `ALL`"))
}

fn gpus(text: &str) -> Result<Gpus, Complaint> {
    match text {
        "all" => Ok(Gpus::All),
        count => number(count, 1..=1024)
            .map(Gpus::Count)
            .map_err(|complaint| complaint.hint("or write `all`")),
    }
}

/// True or false, unquoted.
pub(super) struct Flag;
impl Shape for Flag {
    type Value = bool;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<bool> {
        match &node.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(true),
            Kind::Scalar { text, plain: true } if text == "false" => Some(false),
            Kind::Scalar { text, .. } => {
                let complaint =
                    Complaint::new(format!("{} is neither true nor false", quote(text)));
                cx.complain(
                    &node.span,
                    complaint.hint("write `true` or `false`, without quotes"),
                );
                None
            }
            Kind::Null | Kind::Empty | Kind::List(_) | Kind::Map(_) => {
                cx.wrong_kind(
                    node,
                    "`true` or `false`",
                    "write `true` or `false`, without quotes",
                );
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

/// One of few words.
pub(super) trait Choice: Copy + 'static {
    /// The words and what they mean.
    const ALL: &'static [(&'static str, Self)];
}

/// The shape of a [`Choice`].
pub(super) struct OneOf<T>(PhantomData<T>);
impl<T: Choice> Shape for OneOf<T> {
    type Value = T;
    fn decode(node: &Node, cx: &mut Problems<'_>) -> Option<T> {
        let names = || T::ALL.iter().map(|(name, _)| *name);
        let listed = names()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        scalar(node, cx, &format!("one of {listed}"), |text| {
            let found = T::ALL
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, value)| *value);
            let hint =
                || did_you_mean(text, names()).unwrap_or_else(|| format!("it is one of {listed}"));
            found.ok_or_else(|| {
                Complaint::new(format!("{} may not stand here", quote(text))).hint(hint())
            })
        })
    }
    fn schema() -> Json {
        json!({ "enum": T::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>() })
    }
}

impl Choice for PullPolicy {
    const ALL: &'static [(&'static str, Self)] = &[
        ("always", Self::Always),
        ("missing", Self::Missing),
        ("never", Self::Never),
    ];
}
impl Choice for Restart {
    const ALL: &'static [(&'static str, Self)] = &[
        ("always", Self::Always),
        ("on-failure", Self::OnFailure),
        ("no", Self::No),
    ];
}
impl Choice for Encoding {
    const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("base64", Self::Base64)];
}
impl Choice for DrainOn {
    const ALL: &'static [(&'static str, Self)] = &[
        ("terminate", Self::Terminate),
        ("spot", Self::Spot),
        ("rebalance", Self::Rebalance),
        ("maintenance", Self::Maintenance),
    ];
}
impl Choice for WhenServiceDies {
    const ALL: &'static [(&'static str, Self)] =
        &[("report", Self::Report), ("unhealthy", Self::Unhealthy)];
}
