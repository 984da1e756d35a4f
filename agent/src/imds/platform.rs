//! Whether this machine is an EC2 instance at all, by what its firmware says: read in no time, and
//! without a network. Source: "Detect whether a host is an EC2 instance", Amazon EC2 User Guide.

use std::path::Path;

/// What the firmware says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// An EC2 instance.
    Ec2,
    /// A machine of this vendor's.
    Other(String),
    /// Nothing: there is none, or it can't be read, as in a container.
    Untold,
}

impl Platform {
    /// What the machine's firmware says, below `root`.
    pub fn detect(root: &Path) -> Platform {
        let line = |path: &str| {
            let text = std::fs::read_to_string(root.join("sys").join(path));
            text.map(|text| text.trim().to_owned()).unwrap_or_default()
        };
        let vendor = line("class/dmi/id/sys_vendor");
        // Nitro and bare metal; Xen, which tells its UUID in two places.
        if vendor == "Amazon EC2"
            || is_ec2s(&line("hypervisor/uuid"))
            || is_ec2s(&line("class/dmi/id/product_uuid"))
        {
            Platform::Ec2
        } else if vendor.is_empty() {
            Platform::Untold
        } else {
            Platform::Other(vendor)
        }
    }
}

/// Whether a UUID begins with `ec2`, be it written with its first field's bytes in the other order, as
/// SMBIOS does since its version 2.6: `45e12aec-…` for `ec2ae145-…`.
fn is_ec2s(uuid: &str) -> bool {
    let uuid = uuid.to_ascii_lowercase();
    let swapped = uuid.get(6..8) == Some("ec") && uuid.get(4..5) == Some("2");
    uuid.starts_with("ec2") || swapped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn firmware_tells_instances_from_others() {
        let dmi = "class/dmi/id";
        let other = |vendor: &str| Platform::Other(vendor.to_owned());
        let uuid = "ec2e1916-9099-7caf-fd21-012345abcdef\n";
        for (files, expected) in [
            (vec![], Platform::Untold),
            (vec![("sys_vendor", "")], Platform::Untold),
            (vec![("sys_vendor", "Amazon EC2\n")], Platform::Ec2),
            (vec![("sys_vendor", "Xen\n")], other("Xen")),
            (
                vec![
                    ("sys_vendor", "Xen\n"),
                    ("product_uuid", "EC2E1916-9099-7CAF"),
                ],
                Platform::Ec2,
            ),
            (
                vec![
                    ("sys_vendor", "Xen\n"),
                    ("product_uuid", "45E12AEC-DCD1-B213-94ED-012345ABCDEF"),
                ],
                Platform::Ec2,
            ),
            (
                vec![("sys_vendor", "Xen"), ("../../../hypervisor/uuid", uuid)],
                Platform::Ec2,
            ),
            (
                vec![
                    ("sys_vendor", "QEMU\n"),
                    ("product_uuid", "12345678-9099-7CAF"),
                ],
                other("QEMU"),
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("sys").join(dmi);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::create_dir_all(root.path().join("sys/hypervisor")).unwrap();
            for (name, text) in &files {
                std::fs::write(folder.join(name), text).unwrap();
            }
            assert_eq!(Platform::detect(root.path()), expected, "{files:?}");
        }
    }
}
