//! Which kind of registry a host is.

/// A registry, by how its credentials are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registry<'a> {
    /// A private Amazon ECR registry, in this region: by instance role.
    Ecr {
        /// The registry host's region.
        region: &'a str,
    },
    /// Any other, the public ECR gallery included: by `registries:`, else anonymous.
    Other,
}

/// The ends of ECR's host names, and how each separates `dkr` and `ecr`: amazonaws.com (Amazon ECR
/// endpoints and quotas), dual-stack on.aws, and China's of both.
const ENDS: &[(&str, &str)] = &[
    (".dkr.", ".amazonaws.com"),
    (".dkr.", ".amazonaws.com.cn"),
    (".dkr.", ".amazonaws.eu"),
    (".dkr-", ".on.aws"),
    (".dkr-", ".on.amazonwebservices.com.cn"),
];

/// The kind of the registry at `host`.
pub(super) fn registry(host: &str) -> Registry<'_> {
    ENDS.iter()
        .find_map(|(separator, end)| ecr_region(host, separator, end))
        .map_or(Registry::Other, |region| Registry::Ecr { region })
}

/// `ACCOUNT.dkr.ecr[-fips].REGION.END`
fn ecr_region<'a>(host: &'a str, separator: &str, end: &str) -> Option<&'a str> {
    let (account, rest) = host.strip_suffix(end)?.split_once(separator)?;
    let (service, region) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_region = !region.is_empty()
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (is_account && is_region && matches!(service, "ecr" | "ecr-fips")).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let ecr = |region| Registry::Ecr { region };
        for (host, want) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                ecr("eu-west-1"),
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                ecr("us-gov-west-1"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                ecr("cn-north-1"),
            ),
            ("123456789012.dkr-ecr.us-east-1.on.aws", ecr("us-east-1")),
            (
                "123456789012.dkr-ecr-fips.us-east-1.on.aws",
                ecr("us-east-1"),
            ),
            (
                "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
                ecr("cn-north-1"),
            ),
            ("public.ecr.aws", Registry::Other),
            ("docker.io", Registry::Other),
            ("127.0.0.1:5000", Registry::Other),
            (
                "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
                Registry::Other,
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
                Registry::Other,
            ),
            (
                "123456789012.dkr.ecr.evil.example.amazonaws.com",
                Registry::Other,
            ),
            (
                "123456789012.dkr.s3.eu-west-1.amazonaws.com",
                Registry::Other,
            ),
            (
                "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
                Registry::Other,
            ),
        ] {
            assert_eq!(registry(host), want, "{host}");
        }
    }
}
