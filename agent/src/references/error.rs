//! What is wrong with references: one error for all of them, each with what to do.

use crate::{
    aws::{CallError, Cause, partition},
    imds::Identity,
    verdict::{Failure, Reason},
};
use firstlight_userdata::{diagnostic::Diagnostics, reference::Target};
use std::fmt;

/// What went wrong with the references.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Some values cannot be had; every one is named.
    #[error("{}", list(.0))]
    Unavailable(Vec<Problem>),
    /// All values were fetched, and some don't fit where they stand.
    #[error("{0}")]
    Unfit(Diagnostics),
}

impl ReferenceError {
    pub(super) fn unavailable(mut problems: Vec<Problem>) -> ReferenceError {
        problems.sort();
        ReferenceError::Unavailable(problems)
    }
}

/// The reason is the first problem's: the kinds stand in the order in which they ask for a person.
impl Failure for ReferenceError {
    fn reason(&self) -> Reason {
        match self {
            ReferenceError::Unavailable(problems) => problems
                .iter()
                .min()
                .map_or(Reason::Internal, |problem| problem.kind.reason()),
            ReferenceError::Unfit(_) => Reason::ReferenceInvalid,
        }
    }
}

/// One reference that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: Kind,
    /// The references, as written. Several when one call for all of them failed.
    pub targets: Vec<String>,
    /// Why, and what to do.
    pub words: String,
}

/// What is wrong, most in need of a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// May not be read.
    Denied,
    /// May be read, but its key may not be used.
    Undecryptable,
    /// Does not exist.
    Missing,
    /// Is not what a reference can stand for, or AWS refuses to look for it.
    Invalid,
    /// Throttled to the end.
    Throttled,
    /// Not reached, or not answered, to the end.
    Unreachable,
    /// Not answered yet when the launch's time was over.
    TimeUp,
}

impl Kind {
    fn reason(self) -> Reason {
        match self {
            Kind::Denied => Reason::ReferenceDenied,
            Kind::Undecryptable => Reason::ReferenceUndecryptable,
            Kind::Missing => Reason::ReferenceMissing,
            Kind::Invalid => Reason::ReferenceInvalid,
            Kind::Throttled => Reason::ReferenceThrottled,
            Kind::Unreachable => Reason::ReferenceUnreachable,
            Kind::TimeUp => Reason::Deadline,
        }
    }
}

impl Problem {
    /// Something about one target that no call's error says.
    pub(super) fn new(kind: Kind, target: &Target, words: impl Into<String>) -> Problem {
        Problem {
            kind,
            targets: vec![target.to_string()],
            words: words.into(),
        }
    }

    /// A call for `targets` that failed. `resource` is what has to be granted, as an ARN.
    pub(super) fn of_call<'a>(
        error: &CallError,
        targets: impl IntoIterator<Item = &'a Target>,
        resource: &str,
        me: &Identity,
    ) -> Problem {
        let (kind, advice) = match error.cause {
            Cause::Denied => (
                Kind::Denied,
                format!(
                    "; grant the instance's role {}",
                    allow(error.action, resource)
                ),
            ),
            Cause::Undecryptable => {
                let key = key(&error.message).map_or_else(
                    || {
                        format!(
                            "arn:{}:kms:{}:{}:key/KEY",
                            partition(&me.region),
                            me.region,
                            me.account
                        )
                    },
                    str::to_owned,
                );
                (
                    Kind::Undecryptable,
                    format!("; grant the instance's role {}", allow("kms:Decrypt", &key)),
                )
            }
            Cause::Throttled => (
                Kind::Throttled,
                "; raise the service's quota, or launch fewer instances at once".to_owned(),
            ),
            Cause::Unreachable | Cause::Unavailable | Cause::Clock => {
                (Kind::Unreachable, String::new())
            }
            Cause::TimeUp => (Kind::TimeUp, String::new()),
            Cause::Credentials => (
                Kind::Unreachable,
                "; check that an instance profile with a role is attached".to_owned(),
            ),
            Cause::Refused => (Kind::Invalid, String::new()),
        };
        Problem {
            kind,
            targets: targets.into_iter().map(Target::to_string).collect(),
            words: format!("{error}{advice}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.targets.join(", "), self.words)
    }
}

fn list(problems: &[Problem]) -> String {
    let mut text = String::from("the spec's references can't be resolved:");
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}

/// A statement for an IAM policy, on one line.
fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

/// The key that AWS names in its message, if it does.
fn key(message: &str) -> Option<&str> {
    message
        .split(|c: char| c.is_whitespace() || c == '"' || c == '(' || c == ')')
        .find(|word| word.starts_with("arn:") && word.contains(":kms:"))
        .map(|word| word.trim_end_matches(['.', ',', ';', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Identity {
        Identity {
            instance_id: "i-0123456789abcdef0".to_owned(),
            image_id: "ami-0".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            availability_zone: "eu-west-1a".to_owned(),
            instance_type: "c7g.large".to_owned(),
            architecture: "arm64".to_owned(),
        }
    }

    fn problem(cause: Cause, message: &str) -> Problem {
        let error = CallError {
            action: "ssm:GetParameters",
            endpoint: "ssm.eu-west-1.amazonaws.com".to_owned(),
            cause,
            code: None,
            message: message.to_owned(),
        };
        let target = Target::Ssm {
            name: "/a".to_owned(),
            selector: None,
        };
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a";
        Problem::of_call(&error, [&target], arn, &me())
    }

    #[test]
    fn says_what_to_grant() {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab";
        for (cause, message, kind, says) in [
            (
                Cause::Denied,
                "User: arn:aws:sts::1:assumed-role/web/i-0 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:1:parameter/a because no identity-based policy allows the ssm:GetParameters action",
                Kind::Denied,
                r#"{"Effect":"Allow","Action":"ssm:GetParameters","Resource":"arn:aws:ssm:eu-west-1:123456789012:parameter/a"}"#.to_owned(),
            ),
            (
                Cause::Undecryptable,
                "User: arn:aws:sts::1:assumed-role/web/i-0 is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab because no identity-based policy allows the kms:Decrypt action",
                Kind::Undecryptable,
                format!(r#"{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"{key}"}}"#),
            ),
            (
                Cause::Undecryptable,
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
                Kind::Undecryptable,
                r#""Resource":"arn:aws:kms:eu-west-1:123456789012:key/KEY""#.to_owned(),
            ),
            (Cause::Throttled, "Rate exceeded", Kind::Throttled, "quota".to_owned()),
            (Cause::Credentials, "none", Kind::Unreachable, "instance profile".to_owned()),
        ] {
            let problem = problem(cause, message);
            assert_eq!(problem.kind, kind, "{message}");
            let text = problem.to_string();
            assert!(text.starts_with("ssm:/a: ") && text.contains(&says), "{text}");
        }
    }

    #[test]
    fn the_most_actionable_gives_the_reason() {
        let unreachable = problem(Cause::Unreachable, "no answer in time");
        let denied = problem(Cause::Denied, "no");
        let missing = Problem {
            kind: Kind::Missing,
            ..denied.clone()
        };
        for (problems, reason) in [
            (vec![unreachable.clone()], Reason::ReferenceUnreachable),
            (
                vec![unreachable.clone(), missing.clone()],
                Reason::ReferenceMissing,
            ),
            (vec![unreachable, missing, denied], Reason::ReferenceDenied),
        ] {
            let count = problems.len();
            let error = ReferenceError::unavailable(problems);
            assert_eq!(error.reason(), reason);
            assert_eq!(
                error.to_string().lines().count(),
                count + 1,
                "every one is named"
            );
        }
    }
}
