//! What a reference may name in each service.

use super::Target;
use crate::value::Complaint;

/// Every scheme there is.
pub(super) const SCHEMES: [&str; 3] = ["ssm", "secretsmanager", "imds"];

/// Reads what `{{scheme:id}}` names.
pub(super) fn parse(scheme: &str, id: &str) -> Result<Target, Complaint> {
    match scheme {
        "ssm" if id.ends_with('/') => Err(Complaint::new(format!(
            "`ssm:{id}` is a path, not a parameter"
        ))
        .hint("a whole path goes into `environment_from`")),
        "ssm" => ssm(id),
        "secretsmanager" => secret(id),
        _ => imds(id),
    }
}

/// Reads what an `environment_from` names: `ssm:/path/`, or a JSON value.
pub(crate) fn environment_from(text: &str) -> Result<Target, Complaint> {
    let text = text.trim();
    if text.contains("{{") {
        return Err(Complaint::new(format!("`{text}` has braces"))
            .hint("write it without: `ssm:/web/env/` or `secretsmanager:web`"));
    }
    if text.contains('#') {
        return Err(Complaint::new(format!("`{text}` names one member"))
            .hint("`environment_from` takes every member; use `environment` for one"));
    }
    match text.split_once(':') {
        Some(("ssm", path)) if path.ends_with('/') => ssm_path(path),
        Some(("ssm", id)) => ssm(id),
        Some(("secretsmanager", id)) => secret(id),
        Some(_) | None => Err(Complaint::new(format!("`{text}` is no set of variables"))
            .hint("write `ssm:/path/` for every parameter under a path, or `secretsmanager:id` for every member of a JSON secret")),
    }
}

fn ssm_path(path: &str) -> Result<Target, Complaint> {
    let empty = path.len() > 1
        && path
            .trim_end_matches('/')
            .split('/')
            .skip(1)
            .any(str::is_empty);
    if !path.starts_with('/') || empty || !path.chars().all(is_parameter) {
        return Err(
            Complaint::new(format!("`ssm:{path}` is no path of parameters"))
                .hint("begin it with `/`, as in `ssm:/web/prod/env/`"),
        );
    }
    Ok(Target::SsmPath(path.to_owned()))
}

/// A name or ARN, and a version or label after one more colon.
fn ssm(id: &str) -> Result<Target, Complaint> {
    let resource = if id.starts_with("arn:") { 5 } else { 0 };
    let colon = id.match_indices(':').nth(resource).map(|(at, _)| at);
    let (name, selector) = match colon.and_then(|at| id.split_at_checked(at)) {
        Some((name, selector)) => (name, selector.strip_prefix(':')),
        None => (id, None),
    };
    if resource == 0 {
        parameter_name(name)?;
    } else {
        let resource = arn(name, "ssm")?;
        let path = resource.strip_prefix("parameter/");
        path.ok_or_else(|| {
            Complaint::new(format!("`{name}` is no parameter's ARN"))
                .hint("write `arn:aws:ssm:REGION:ACCOUNT:parameter/NAME`")
        })
        .and_then(parameter_name)?;
    }
    if let Some(selector) = selector {
        check_selector(id, selector)?;
    }
    Ok(Target::Ssm {
        name: name.to_owned(),
        selector: selector.map(str::to_owned),
    })
}

fn parameter_name(name: &str) -> Result<(), Complaint> {
    let parts = name.strip_prefix('/').unwrap_or(name);
    if !parts.is_empty()
        && parts.split('/').all(|part| !part.is_empty())
        && name.chars().all(is_parameter)
    {
        return Ok(());
    }
    let wrong = Complaint::new(format!("`ssm:{name}` names no parameter"));
    Err(wrong.hint("Parameter Store takes letters, digits, `_`, `.`, `-` and `/`, as in `ssm:/web/prod/version`"))
}

fn is_parameter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')
}

/// A version is a number from 1; a label doesn't begin with a digit.
fn check_selector(id: &str, selector: &str) -> Result<(), Complaint> {
    let version =
        selector.parse::<u64>().is_ok_and(|version| version > 0) && !selector.starts_with('+');
    let label = selector.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && selector
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && selector.len() <= 100;
    if version || label {
        return Ok(());
    }
    Err(Complaint::new(format!(
        "`{selector}` in `ssm:{id}` is neither a version nor a label"
    ))
    .hint("write a number from 1, or a label of letters, digits, `_`, `.` and `-`"))
}

fn secret(id: &str) -> Result<Target, Complaint> {
    let name = match id.strip_prefix("arn:") {
        None => id,
        Some(_) => {
            let resource = arn(id, "secretsmanager")?;
            resource.strip_prefix("secret:").ok_or_else(|| {
                Complaint::new(format!("`{id}` is no secret's ARN"))
                    .hint("write `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`")
            })?
        }
    };
    let valid = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '=' | '.' | '@' | '-' | '!')
    };
    if name.contains(':') {
        return Err(Complaint::new(format!(
            "`secretsmanager:{id}` has a `:` after the secret's name"
        ))
        .hint(
            "a member of a JSON secret is written `#member`; stages and versions are not taken",
        ));
    }
    if name.is_empty() || !name.chars().all(valid) {
        return Err(
            Complaint::new(format!("`secretsmanager:{id}` names no secret"))
                .hint("write its name or ARN, as in `secretsmanager:web/tls`"),
        );
    }
    Ok(Target::Secret(id.to_owned()))
}

/// The resource of `arn:partition:service:region:account:resource`.
fn arn<'a>(text: &'a str, service: &str) -> Result<&'a str, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no ARN of {service}"))
            .hint(format!("it is `arn:aws:{service}:REGION:ACCOUNT:…`"))
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, named, region, account, resource] => {
            let filled = !partition.is_empty() && !region.is_empty() && account.len() == 12;
            let valid = filled
                && *named == service
                && account.bytes().all(|b| b.is_ascii_digit())
                && !resource.is_empty();
            if valid { Ok(resource) } else { Err(wrong()) }
        }
        _ => Err(wrong()),
    }
}

/// A path below `latest/meta-data/`. Nothing is decoded on the way, so `%` is refused with the rest.
fn imds(id: &str) -> Result<Target, Complaint> {
    if let Some(path) = id.trim_start_matches('/').strip_prefix("latest/meta-data/") {
        return Err(Complaint::new(format!("`imds:{id}` is a whole path"))
            .hint(format!("write what follows: `imds:{path}`")));
    }
    let valid = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '=' | '.' | ',' | '_' | ':' | '@')
    };
    let part =
        |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(valid);
    if !id.split('/').all(part) {
        return Err(Complaint::new(format!("`imds:{id}` names no instance metadata"))
            .hint("write a path below `latest/meta-data/`, as in `imds:instance-id` or `imds:tags/instance/Name`"));
    }
    if !is_public_imds(id) {
        return Err(Complaint::new(format!("`imds:{id}` holds credentials"))
            .hint("a container asks for its own"));
    }
    Ok(Target::Imds(id.to_owned()))
}

/// False for the paths that hold the instance's credentials.
fn is_public_imds(path: &str) -> bool {
    !path.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        part == "security-credentials" || part == "identity-credentials"
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn parses_and_refuses() {
        for (scheme, id, valid) in [
            ("ssm", "/a/b", true),
            ("ssm", "a.b-c_d", true),
            ("ssm", "/a:1", true),
            ("ssm", "/a:0", false),
            ("ssm", "/a:", false),
            ("ssm", "/a:1:2", false),
            ("ssm", "/a:-x", false),
            ("ssm", "//a", false),
            ("ssm", "/a b", false),
            (
                "ssm",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/a",
                true,
            ),
            (
                "ssm",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/a:live",
                true,
            ),
            (
                "ssm",
                "arn:aws:ssm:eu-west-1:123456789012:document/a",
                false,
            ),
            (
                "ssm",
                "arn:aws:s3:eu-west-1:123456789012:parameter/a",
                false,
            ),
            ("ssm", "arn:aws:ssm:eu-west-1", false),
            ("secretsmanager", "web/tls", true),
            ("secretsmanager", "rds!db-1", true),
            ("secretsmanager", "web:key", false),
            ("secretsmanager", "", false),
            (
                "secretsmanager",
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf",
                true,
            ),
            (
                "secretsmanager",
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf:key::",
                false,
            ),
            ("imds", "instance-id", true),
            ("imds", "public-keys/0/openssh-key", true),
            ("imds", "iam/info", true),
            ("imds", "iam/security-credentials/role", false),
            ("imds", "iam/Security-Credentials/", false),
            ("imds", "iam//security-credentials/role", false),
            ("imds", "iam/security%2dcredentials/role", false),
            ("imds", "identity-credentials/ec2/info", false),
            ("imds", "../dynamic/x", false),
            ("imds", "/instance-id", false),
            ("imds", "latest/meta-data/instance-id", false),
            ("imds", "a?b", false),
        ] {
            assert_eq!(parse(scheme, id).is_ok(), valid, "{scheme}:{id}");
        }
    }

    #[test]
    fn sets_of_variables() {
        assert_eq!(
            environment_from("ssm:/web/env/").unwrap(),
            Target::SsmPath("/web/env/".to_owned())
        );
        assert_eq!(
            environment_from("secretsmanager:web").unwrap(),
            Target::Secret("web".to_owned())
        );
        for bad in [
            "{{ssm:/a/}}",
            "ssm:a/",
            "ssm:/a//b/",
            "imds:tags/",
            "/web/env/",
            "secretsmanager:a#b",
            "ssm:/a/:3/",
        ] {
            assert!(environment_from(bad).is_err(), "{bad}");
        }
    }
}
