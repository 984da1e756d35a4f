//! The words for faults, as the table has them: `[while MOMENT, ]SUBJECT: WHAT[, HOW LONG]`.
//!
//! To add a subject: a line in [`subject`], and where it is new in kind a variant of [`Subject`], set up in `stand.rs`.
//! To add what happens to a call: a line in [`call`].

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use firstlight_tests::parts::nameserver::Answer as Names;
use firstlight_tests::parts::proxy::{Of, Trouble};
use firstlight_tests::stage::{Answer, AwsError, Fault, Order};
use serde_json::{Value, json};

/// Every operation of AWS that the agent may call.
pub(crate) const CALLS: [&str; 12] = [
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:RecordLifecycleActionHeartbeat",
    "autoscaling:CompleteLifecycleAction",
    "cloudformation:SignalResource",
    "s3:GetObject",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "secretsmanager:GetSecretValue",
    "ecr:GetAuthorizationToken",
    "s3:PutObject",
    "autoscaling:SetInstanceHealth",
];
/// Is not tried again: another one follows in time.
pub(crate) const BEAT: &str = CALLS[2];
/// A pull asks for it, by an image of its own.
pub(crate) const ECR: &str = CALLS[9];
/// What a launch that goes well calls, each until it is answered.
const EVERY: [&str; 8] = [
    CALLS[0], CALLS[1], CALLS[3], CALLS[4], CALLS[5], CALLS[6], CALLS[7], CALLS[8],
];

/// The endpoint of every service, and of one.
const AWS: &str = "AWS_ENDPOINT_URL";
const SSM: &str = "AWS_ENDPOINT_URL_SSM";

/// Where a group's name is, where tags are in metadata.
pub(crate) const TAGS: &str = "meta-data/tags/instance/aws:autoscaling:groupName";

/// What metadata is asked for: the table's word, and the path.
pub(crate) const METADATA: [(&str, &str); 10] = [
    ("token", "api/token"),
    ("identity", "dynamic/instance-identity/document"),
    ("target", "meta-data/autoscaling/target-lifecycle-state"),
    ("user-data", "user-data"),
    ("tags", TAGS),
    ("roles", "meta-data/iam/security-credentials/"),
    ("credentials", "meta-data/iam/security-credentials/web"),
    ("spot", "meta-data/spot/instance-action"),
    ("rebalance", "meta-data/events/recommendations/rebalance"),
    ("maintenance", "meta-data/events/maintenance/scheduled"),
];
/// What an agent that stays asks for besides, of which there mostly is none.
pub(crate) const NOTICES: [&str; 3] = ["spot", "rebalance", "maintenance"];

/// One fault as it was ordered.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    /// `None`: before the command is run.
    pub(crate) when: Option<When>,
    pub(crate) on: Subject,
    /// What happens, as the table says it.
    pub(crate) what: String,
    pub(crate) lasts: Lasts,
}

/// From when on it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A layer is on its way.
    Pulling,
    /// A service is asked whether it is healthy.
    Probing,
    /// The group has its verdict, and the agent has nothing to do but to watch.
    Serving,
    /// The same, and the group then ends the instance.
    Terminating,
}

/// For how long it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// To the end.
    Always,
    Times(u32),
    For(Duration),
    /// Until a person can read of it: what stands first in the column `reads`.
    UntilTold,
}

/// On what it strikes, and what that does.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// Metadata, at these paths; `None`: at any.
    Metadata(Option<Vec<&'static str>>, Fault),
    /// Calls of AWS, as IAM names them.
    Calls(Vec<&'static str>, Fault),
    /// The registry that the image is in.
    Registry(Of, Trouble),
    /// The Docker engine.
    Engine(Engine),
    /// The disk that the agent's record is on.
    Record(Disk),
    /// The machine's clock is off by that much.
    Clock(String),
    /// The machine's resolver, for the name in this endpoint's variable.
    Names(&'static str, Names),
    /// Nobody listens yet, or any more: at metadata's address.
    NoMetadata,
    /// The same at the endpoint in this variable.
    NoEndpoint(&'static str),
    /// The same at the registry's.
    NoRegistry,
    /// A container does this by itself: its stem, and the sample service's settings for it.
    Container(&'static str, Value),
    /// A container is killed, by its stem.
    Killed(&'static str),
}

impl Subject {
    /// The calls of AWS that it strikes.
    pub(crate) fn calls(&self) -> &[&'static str] {
        if let Subject::Calls(calls, _) = self {
            return calls;
        }
        &[]
    }

    /// The paths of metadata that it strikes.
    pub(crate) fn paths(&self) -> &[&'static str] {
        if let Subject::Metadata(Some(paths), _) = self {
            return paths;
        }
        &[]
    }

    /// What the stage is to be told, where it is the stage's to do.
    pub(crate) fn orders(&self) -> Vec<Order> {
        if let Subject::Metadata(None, what) = self {
            return vec![what.clone().on("imds", "*")];
        }
        if let Subject::Metadata(Some(paths), what) = self {
            let each = paths.iter().map(|path| what.clone().on_metadata(path));
            return each.collect();
        }
        if let Subject::Calls(calls, what) = self {
            let each = calls.iter().filter_map(|call| call.split_once(':'));
            let orders = each.map(|(service, operation)| what.clone().on(service, operation));
            return orders.collect();
        }
        Vec::new()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Absent,
    /// Stopped and started, as by an upgrade of its package.
    Restarts,
    /// Killed, and started as systemd does.
    Crashes,
    /// Killed, and nobody starts it.
    Dies,
    /// Has a disk too small for the image's layer.
    SmallForLayer,
    /// Has a disk too small for the image once it is unpacked.
    SmallForFiles,
    /// Its disk is full once the image is there.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Full,
    ReadOnly,
}

/// Reads one fault.
pub(crate) fn ordered(text: &str) -> Result<Ordered> {
    let (when, rest) = match text.strip_prefix("while ") {
        None => (None, text),
        Some(rest) => {
            let (moment, rest) = rest.split_once(", ").context("while what?")?;
            (Some(when(moment)?), rest)
        }
    };
    let (who, what) = rest
        .split_once(": ")
        .with_context(|| format!("{rest:?} has no subject"))?;
    let (what, lasts) = match what.rsplit_once(", ") {
        None => (what, Lasts::Always),
        Some((what, long)) => (what, lasts(long)?),
    };
    let on = subject(who, what).with_context(|| format!("nobody knows {rest:?}"))?;
    Ok(Ordered {
        when,
        on,
        what: what.to_owned(),
        lasts,
    })
}

fn when(moment: &str) -> Result<When> {
    match moment {
        "pulling" => Ok(When::Pulling),
        "probing" => Ok(When::Probing),
        "serving" => Ok(When::Serving),
        "terminating" => Ok(When::Terminating),
        other => bail!("{other:?} is no moment"),
    }
}

fn lasts(long: &str) -> Result<Lasts> {
    let mut words = long.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some("once"), None, None) => Ok(Lasts::Times(1)),
        (Some("until"), Some("told"), None) => Ok(Lasts::UntilTold),
        (Some(times), Some("times"), None) => Ok(Lasts::Times(times.parse()?)),
        (Some("for"), Some(time), Some("ms")) => {
            Ok(Lasts::For(Duration::from_millis(time.parse()?)))
        }
        _ => bail!("{long:?} is no length"),
    }
}

fn subject(who: &str, what: &str) -> Option<Subject> {
    if let Some(paths) = who.strip_prefix("imds ") {
        return metadata(paths, what);
    }
    if let Some(of) = who.strip_prefix("registry ") {
        let of = match of {
            "manifests" => Of::Manifests,
            "blobs" => Of::Blobs,
            "layers" => Of::Layers,
            _ => return None,
        };
        return Some(Subject::Registry(of, registry(what)?));
    }
    match (who, what) {
        ("imds", "is not there") => Some(Subject::NoMetadata),
        ("imds", what) => Some(Subject::Metadata(None, call(what)?)),
        ("aws", "is not there") => Some(Subject::NoEndpoint(AWS)),
        ("ssm", "is not there") => Some(Subject::NoEndpoint(SSM)),
        ("registry", "is not there") => Some(Subject::NoRegistry),
        ("every call", what) => Some(Subject::Calls(EVERY.to_vec(), call(what)?)),
        ("every call and heartbeat", what) => {
            let calls = EVERY.into_iter().chain([BEAT]);
            Some(Subject::Calls(calls.collect(), call(what)?))
        }
        ("engine", what) => engine(what).map(Subject::Engine),
        ("record", "disk is full") => Some(Subject::Record(Disk::Full)),
        ("record", "disk is read-only") => Some(Subject::Record(Disk::ReadOnly)),
        ("clock", what) => Some(Subject::Clock(what.strip_prefix("is off by ")?.to_owned())),
        ("aws's name", what) => Some(Subject::Names(AWS, names(what)?)),
        ("ssm's name", what) => Some(Subject::Names(SSM, names(what)?)),
        ("web", "is killed") => Some(Subject::Killed("web")),
        ("web" | "db" | "job", what) => container(who, what),
        _ => {
            let known = CALLS.into_iter().find(|call| *call == who)?;
            Some(Subject::Calls(vec![known], call(what)?))
        }
    }
}

fn metadata(words: &str, what: &str) -> Option<Subject> {
    let launch = METADATA.iter().filter(|(name, _)| !NOTICES.contains(name));
    let every = launch.map(|(_, path)| *path);
    let paths: Vec<&str> = match words {
        "all" => every.collect(),
        // What user data may be is for its reader to say.
        "all but user-data" => every.filter(|path| *path != "user-data").collect(),
        word => {
            let known = METADATA.iter().filter(|(name, _)| *name == word);
            known.map(|(_, path)| *path).collect()
        }
    };
    let fault = call(what)?;
    (!paths.is_empty()).then_some(Subject::Metadata(Some(paths), fault))
}

/// What happens to a call, or to a request for metadata.
fn call(what: &str) -> Option<Fault> {
    let error = |status, code, words: &str| Fault::Error(AwsError::new(status, code, words));
    let page = |text: String| Fault::Instead(Answer::new(200, "text/plain", text));
    Some(match what {
        "throttled" => Fault::Throttle,
        "denied" => Fault::Deny,
        "key denied" => Fault::DenyKms,
        "hangs" => Fault::Hang,
        "hangs up" => Fault::Drop,
        "cut off" => Fault::Cut,
        "answer lost" => Fault::DoThenLose,
        "garbled" => Fault::Garble,
        // More than anything of metadata's may be.
        "huge" => page("x".repeat(70_000)),
        "another's page" => page("<".repeat(500)),
        "another document" => page(r#"{"instanceId": "i-/../x"}"#.to_owned()),
        "no role" => page(r#"{"Code": "AssumeRoleUnauthorizedAccess"}"#.to_owned()),
        "clock skew" => Fault::Skew,
        "expired" => error(400, "RequestExpired", "Request has expired."),
        "stranger" => error(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        "contention" => error(500, "ResourceContention", "busy"),
        what => {
            if let Some(time) = what.strip_prefix("late by ") {
                let time = time.strip_suffix(" ms")?.parse().ok()?;
                return Some(Fault::Delay(Duration::from_millis(time)));
            }
            Fault::Status(what.parse().ok()?)
        }
    })
}

fn registry(what: &str) -> Option<Trouble> {
    Some(match what {
        "stalled" => Trouble::Stall(90_000),
        "cut off" => Trouble::Cut(90_000),
        // A minute for the smallest image.
        "slow" => Trouble::Slow(10_000),
        "damaged" => Trouble::Corrupt,
        // aws/containers-roadmap#1346
        "unknown to ECR" => Trouble::Refusal(
            404,
            "NAME_UNKNOWN",
            "The repository with name 'web' does not exist in the registry with id '123456789012'",
        ),
        // aws/aws-cdk#9641
        "denied by ECR" => Trouble::Refusal(
            403,
            "DENIED",
            "User: arn:aws:sts::123456789012:assumed-role/web/i-0 is not authorized to perform: ecr:BatchGetImage on \
             resource: arn:aws:ecr:eu-west-1:123456789012:repository/web because no resource-based policy allows the \
             ecr:BatchGetImage action",
        ),
        // Amazon ECR User Guide, "Troubleshooting errors with Docker commands"
        "token expired" => Trouble::Refusal(
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        ),
        what => Trouble::Status(what.parse().ok()?),
    })
}

fn engine(what: &str) -> Option<Engine> {
    Some(match what {
        "is not there" => Engine::Absent,
        "restarts" => Engine::Restarts,
        "crashes" => Engine::Crashes,
        "dies" => Engine::Dies,
        "disk is too small for the layer" => Engine::SmallForLayer,
        "disk is too small for the files" => Engine::SmallForFiles,
        "disk is full" => Engine::Full,
        _ => return None,
    })
}

fn names(what: &str) -> Option<Names> {
    Some(match what {
        "no such name" => Names::NoSuchName,
        "server failure" => Names::Failure,
        "no answer" => Names::Nothing,
        _ => return None,
    })
}

fn container(who: &str, what: &str) -> Option<Subject> {
    let stem = ["web", "db", "job"].into_iter().find(|stem| *stem == who)?;
    let settings = match what {
        "hangs" if stem == "job" => json!({"MODES": "task=worker", "PRINT": "waiting for a lock"}),
        "hangs" => json!({"HEALTH_DELAY_MS": 600_000}),
        "is slow to be healthy" => json!({"HEALTHY_AFTER": 15}),
        "runs out of memory" => json!({"TAKE_MB": 128}),
        "dies again and again" => json!({"EXIT_AFTER_MS": 3000, "EXIT_CODE": 3}),
        "is healthy and dies" => {
            json!({"PRINT": "lost my disk", "EXIT_AFTER_MS": 6000, "EXIT_CODE": 3})
        }
        what => {
            if let Some(status) = what.strip_prefix("answers ") {
                json!({"HEALTH_STATUS": status.parse::<u16>().ok()?})
            } else if let Some(code) = what.strip_prefix("exits silently with ") {
                json!({"EXIT_CODE": code.parse::<u8>().ok()?})
            } else {
                let code: u8 = what.strip_prefix("exits with ")?.parse().ok()?;
                match stem {
                    "job" => {
                        json!({"PRINT": "reading the schema;no such table", "EXIT_CODE": code})
                    }
                    _ => json!({"PRINT": "cannot bind", "EXIT_AFTER_MS": 100, "EXIT_CODE": code}),
                }
            }
        }
    };
    Some(Subject::Container(stem, settings))
}
