//! What to do first about each reason: the words of the operator's reference, for whoever has only the
//! console.

use super::Reason;

impl Reason {
    /// What to do first, as a fragment. The same as in README.md of this crate.
    pub fn advice(self) -> &'static str {
        match self {
            Reason::MetadataUnreachable => {
                "check the route and the firewall to 169.254.169.254, and that no container network is in the way"
            }
            Reason::MetadataDenied => {
                "switch it on: aws ec2 modify-instance-metadata-options --http-endpoint enabled"
            }
            Reason::MetadataInvalid => "find out what listens at 169.254.169.254 during boot",
            Reason::SpecInvalid => {
                "run firstlight check on the spec: it shows every error with its line"
            }
            Reason::DropInUnsafe => "chown root and chmod 0644 the file when the image is built",
            Reason::IncludeMissing => "check its name and its region",
            Reason::IncludeDenied => {
                "grant the role the action named; for another account's bucket say owner"
            }
            Reason::IncludeUnreachable => {
                "check the route to S3 or Parameter Store: a VPC endpoint, a NAT"
            }
            Reason::IncludeChanged => "find out who changed it, then give the new sum",
            Reason::ReferenceMissing => {
                "check the names: every one that is missing is in the error"
            }
            Reason::ReferenceDenied => "grant the role the action named, on the resource named",
            Reason::ReferenceUndecryptable => {
                "grant the role kms:Decrypt on the key, and see the key's own policy"
            }
            Reason::ReferenceThrottled => {
                "raise the throughput of Parameter Store, or launch smaller batches"
            }
            Reason::ReferenceUnreachable => {
                "check the route, the VPC endpoint and its security group"
            }
            Reason::ReferenceInvalid => {
                "check the value: an image, a port, a secret where none may stand"
            }
            Reason::ImageUnknown => "check that it was pushed, and to this region",
            Reason::ImageDenied => {
                "check the role's ECR actions, the repository's policy, user and password"
            }
            Reason::ImageThrottled => {
                "give credentials, so that pulls aren't anonymous, or use a mirror"
            }
            Reason::ImageUnreachable => "check the registry's name, the route to it, and TLS",
            Reason::ImageStalled => "check the route to where layers lie (for ECR: S3)",
            Reason::ImageDamaged => "look for a proxy in between, then push again",
            Reason::ImageAbsent => "bake it into the AMI",
            Reason::DiskFull => "give a larger volume or tmpfs",
            Reason::DockerUnreachable => {
                "see systemctl status docker, and that the image enables it"
            }
            Reason::DockerRefused => "correct the key that the error names",
            Reason::NameTaken => "remove that container, or name the service otherwise",
            Reason::PortTaken => "find out who has it: ss -ltnp",
            Reason::BindMissing => "mount or bake the source",
            Reason::TaskFailed => {
                "read its last lines, in the error; all of them are in the journal"
            }
            Reason::TaskTimeout => "read its last lines, or give it a longer timeout",
            Reason::ServiceExited => "read its exit code and last lines, in the error",
            Reason::Deadline => {
                "read what the stage waited for, in the error, or give a longer timeout"
            }
            Reason::HookUnknown => "name the hook in signal.launching",
            Reason::GroupUnknown => "correct signal.group",
            Reason::SignalDenied => "grant the role autoscaling:CompleteLifecycleAction",
            Reason::SignalUndelivered => {
                "check the route to Auto Scaling; start firstlight again and it delivers"
            }
            Reason::StateUnusable => "look for a full or read-only disk",
            Reason::Reclaimed => "nothing: the group launches another",
            Reason::Interrupted => "nothing: the next start goes on",
            Reason::Internal => "please report it, with status --json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_what_the_reference_says() {
        let reference = include_str!("../../README.md");
        let (_, section) = reference.split_once("\n## Reasons\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let rows = section.lines().filter_map(|line| {
            let row = line.strip_prefix("| `")?.strip_suffix(" |")?;
            let (reason, _) = row.split_once('`')?;
            let (_, advice) = row.rsplit_once(" | ")?;
            Some((reason.to_owned(), advice.replace('`', "")))
        });
        let meant = Reason::ALL.iter();
        let meant = meant.map(|reason| (reason.to_string(), reason.advice().to_owned()));
        assert_eq!(rows.collect::<BTreeMap<_, _>>(), meant.collect());
    }
}
