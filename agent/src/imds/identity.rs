//! Who this instance is: the identity document, checked.

/// Who this instance is. Source: "Instance identity documents", Amazon EC2 User Guide.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// `i-0123456789abcdef0`
    pub instance_id: String,
    /// `ami-…`
    pub image_id: String,
    /// 12 digits.
    pub account: String,
    /// `eu-west-1`
    pub region: String,
    /// `eu-west-1a`
    pub availability_zone: String,
    /// `c7g.large`
    pub instance_type: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
}

/// The document's members that matter here, as EC2 spells them.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    instance_id: String,
    image_id: String,
    account_id: String,
    region: String,
    availability_zone: String,
    instance_type: String,
    architecture: String,
}

/// Reads and checks an identity document. Its values go into signed requests and file names.
pub(super) fn parse(text: &str) -> Result<Identity, String> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| format!("an identity document that does not parse: {error}"))?;
    check("instanceId", &document.instance_id, |id| is_id(id, "i-"))?;
    check("imageId", &document.image_id, |id| is_id(id, "ami-"))?;
    check("accountId", &document.account_id, |id| {
        id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
    })?;
    check("region", &document.region, |name| {
        name.contains('-') && is_name(name)
    })?;
    check("availabilityZone", &document.availability_zone, is_name)?;
    check("instanceType", &document.instance_type, is_name)?;
    check("architecture", &document.architecture, is_name)?;
    Ok(Identity {
        instance_id: document.instance_id,
        image_id: document.image_id,
        account: document.account_id,
        region: document.region,
        availability_zone: document.availability_zone,
        instance_type: document.instance_type,
        architecture: document.architecture,
    })
}

fn check(name: &str, value: &str, valid: impl FnOnce(&str) -> bool) -> Result<(), String> {
    if valid(value) {
        Ok(())
    } else {
        Err(format!(
            "an identity document whose {name} cannot be: {value:?}"
        ))
    }
}

/// 8 (old) to 17 lowercase hexadecimal digits after the prefix.
fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        (8..=17).contains(&digits.len())
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// `eu-west-1`, `us-west-2-lax-1a`, `u-6tb1.metal`, `x86_64`.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}
