//! Devices in Compose's short notation.

use super::{Complaint, path};
use crate::spec::Device;

/// Reads `/dev/fuse`, `/dev/sda:/dev/xvda`, `/dev/sda:/dev/xvda:rwm`.
pub(crate) fn parse(text: &str) -> Result<Device, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no device"))
            .hint("write \"/dev/fuse\" or \"HOST:CONTAINER:rwm\"")
    };
    let mut parts = text.split(':');
    let host = parts.next().unwrap_or_default();
    let container = parts.next().unwrap_or(host);
    let permissions = parts.next().unwrap_or("rwm");
    let known =
        !permissions.is_empty() && permissions.chars().all(|c| matches!(c, 'r' | 'w' | 'm'));
    if parts.next().is_some() || !known {
        return Err(wrong());
    }
    path::absolute(host)?;
    path::absolute(container)?;
    Ok(Device {
        host: host.to_owned(),
        container: container.to_owned(),
        permissions: permissions.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_the_short_notation() {
        let device = parse("/dev/sda:/dev/xvda:r").unwrap();
        assert_eq!(
            (
                device.host.as_str(),
                device.container.as_str(),
                device.permissions.as_str()
            ),
            ("/dev/sda", "/dev/xvda", "r")
        );
        assert_eq!(parse("/dev/fuse").unwrap().permissions, "rwm");
        for bad in [
            "",
            "fuse",
            "/dev/a:/dev/b:x",
            "/dev/a:/dev/b:",
            "/dev/a:/dev/b:r:w",
            "/dev/a:b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
