//! A container's network.

use super::{Complaint, name};
use crate::{diagnostic::did_you_mean, spec::NetworkMode};

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
            let near = did_you_mean(other, ["bridge", "host", "none"]);
            Err(wrong
                .hint("it is `bridge`, `host`, `none` or `service:NAME`")
                .hint_if(near))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modes() {
        assert_eq!(
            parse("service:web").ok(),
            Some(NetworkMode::Service("web".to_owned()))
        );
        for (text, valid) in [
            ("host", true),
            ("none", true),
            ("bridge", true),
            ("hots", false),
            ("service:", false),
            ("container:x", false),
        ] {
            assert_eq!(parse(text).is_ok(), valid, "{text}");
        }
    }
}
