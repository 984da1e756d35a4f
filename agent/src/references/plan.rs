//! Which calls fetch a spec's targets: pure.

use crate::aws::region;
use firstlight_userdata::reference::Target;
use std::collections::BTreeMap;

/// The most names that GetParameters takes (its API reference).
const BATCH: usize = 10;

/// The calls to make.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// GetParameters calls.
    pub batches: Vec<Batch>,
    /// Paths for GetParametersByPath.
    pub paths: Vec<String>,
    /// Names and ARNs for GetSecretValue.
    pub secrets: Vec<String>,
    /// Paths of instance metadata.
    pub metadata: Vec<String>,
}

/// The names of one GetParameters call.
///
/// No parameter stands in it twice, not even with another selector or by its ARN, so that an answer's
/// name tells which one it is for: the answer's name lacks the selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// The region of the names' ARNs; `None`: the usual one.
    pub region: Option<String>,
    /// What to ask for.
    pub names: Vec<Name>,
}

/// One Parameter Store parameter, as a reference names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Name or ARN.
    pub name: String,
    /// `3` or `label`.
    pub selector: Option<String>,
}

impl Name {
    /// What GetParameters is asked for.
    pub(super) fn asked(&self) -> String {
        match &self.selector {
            Some(selector) => format!("{}:{selector}", self.name),
            None => self.name.clone(),
        }
    }

    /// The key under which its value is put.
    pub(super) fn target(&self) -> Target {
        Target::Ssm {
            name: self.name.clone(),
            selector: self.selector.clone(),
        }
    }

    /// Whether an answer with this name and ARN is for it.
    pub(super) fn is_answered_by(&self, name: Option<&str>, arn: Option<&str>) -> bool {
        [name, arn]
            .into_iter()
            .flatten()
            .any(|answered| answered == self.name || bare(answered) == self.bare())
    }

    fn bare(&self) -> &str {
        bare(&self.name)
    }
}

/// A parameter's name without ARN and leading slash: the ARN of `/a` and of `a` ends in the same.
fn bare(name: &str) -> &str {
    let path = match name.split_once(":parameter/") {
        Some((arn, path)) if arn.starts_with("arn:") => path,
        Some(_) | None => name,
    };
    path.trim_start_matches('/')
}

impl Plan {
    /// The calls that fetch all of `targets`.
    pub(super) fn of(targets: Vec<Target>) -> Plan {
        let mut plan = Plan::default();
        let mut names: BTreeMap<Option<String>, Vec<Name>> = BTreeMap::new();
        for target in targets {
            match target {
                Target::Ssm { name, selector } => names
                    .entry(region(&name).map(str::to_owned))
                    .or_default()
                    .push(Name { name, selector }),
                Target::SsmPath(path) => plan.paths.push(path),
                Target::Secret(id) => plan.secrets.push(id),
                Target::Imds(path) => plan.metadata.push(path),
            }
        }
        for (region, names) in names {
            plan.batches.extend(batches(region.as_ref(), names));
        }
        plan
    }
}

fn batches(region: Option<&String>, names: Vec<Name>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for name in names {
        let fits = |batch: &&mut Batch| {
            batch.names.len() < BATCH && batch.names.iter().all(|other| other.bare() != name.bare())
        };
        match batches.iter_mut().find(fits) {
            Some(batch) => batch.names.push(name),
            None => batches.push(Batch {
                region: region.cloned(),
                names: vec![name],
            }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn ssm(name: &str, selector: Option<&str>) -> Target {
        Target::Ssm {
            name: name.to_owned(),
            selector: selector.map(str::to_owned),
        }
    }

    #[test]
    fn tens() {
        for (count, want) in [
            (0, vec![]),
            (1, vec![1]),
            (10, vec![10]),
            (25, vec![10, 10, 5]),
        ] {
            let targets = (0..count).map(|n| ssm(&format!("/p/{n}"), None)).collect();
            let sizes: Vec<usize> = Plan::of(targets)
                .batches
                .iter()
                .map(|batch| batch.names.len())
                .collect();
            assert_eq!(sizes, want, "{count}");
        }
    }

    #[test]
    fn one_parameter_never_twice_in_a_call() {
        let plan = Plan::of(vec![
            ssm("/a", None),
            ssm("/a", Some("3")),
            ssm("/a", Some("live")),
            ssm("a", None),
            ssm("/b", None),
        ]);
        let asked: Vec<Vec<String>> = plan
            .batches
            .iter()
            .map(|batch| batch.names.iter().map(Name::asked).collect())
            .collect();
        assert_eq!(
            asked,
            [vec!["/a", "/b"], vec!["/a:3"], vec!["/a:live"], vec!["a"]]
        );
    }

    #[test]
    fn a_call_goes_to_the_arns_region() {
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/a";
        let plan = Plan::of(vec![ssm("/a", None), ssm(arn, Some("2"))]);
        assert_eq!(plan.batches[0].region, None);
        assert_eq!(plan.batches[1].region.as_deref(), Some("us-east-1"));
        assert_eq!(plan.batches[1].names[0].asked(), format!("{arn}:2"));
    }

    #[test]
    fn answers_find_their_name() {
        let arn = "arn:aws:ssm:eu-west-1:1:parameter/a/b";
        for (asked, name, answered_arn, want) in [
            ("/a/b", Some("/a/b"), None, true),
            ("/a/b", Some("/a/c"), None, false),
            (
                "b",
                Some("b"),
                Some("arn:aws:ssm:eu-west-1:1:parameter/b"),
                true,
            ),
            (arn, Some(arn), None, true),
            (arn, Some("/a/b"), Some(arn), true),
            (arn, Some("/a/c"), None, false),
            ("/a/b", None, None, false),
        ] {
            let asked = Name {
                name: asked.to_owned(),
                selector: Some("3".to_owned()),
            };
            assert_eq!(asked.is_answered_by(name, answered_arn), want, "{asked:?}");
        }
    }
}
