//! A container's network.

use super::{Complaint, did_you_mean, name};
use crate::spec::NetworkMode;

/// Reads `bridge`, `host`, `none`, `service:NAME`.
pub(crate) fn parse(text: &str) -> Result<NetworkMode, Complaint> {
    if let Some(service) = text.strip_prefix("service:") {
        name::container(service)?;
        return Ok(NetworkMode::Service(service.to_owned()));
    }
    match text {
        "bridge" => Ok(NetworkMode::Bridge),
        "host" => Ok(NetworkMode::Host),
        "none" => Ok(NetworkMode::None),
        other => {
            let wrong = Complaint::new(format!("`{other}` is no network mode"));
            Err(match did_you_mean(other, ["bridge", "host", "none"]) {
                Some(known) => wrong.hint(format!("did you mean `{known}`?")),
                None => wrong.hint("it is `bridge`, `host`, `none` or `service:NAME`"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modes() {
        assert_eq!(parse("service:web").ok(), Some(NetworkMode::Service("web".to_owned())));
        for (text, valid) in [("host", true), ("none", true), ("bridge", true), ("hots", false), ("service:", false), ("container:x", false)] {
            assert_eq!(parse(text).is_ok(), valid, "{text}");
        }
    }
}
