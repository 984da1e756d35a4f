//! Who the instance is.

use std::collections::BTreeMap;

/// The instance on the stage. `Instance::default()` is an ordinary one in eu-west-1.
#[derive(Debug, Clone)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `ami-…`
    pub image: String,
    /// `t3.small`, …
    pub kind: String,
    /// `eu-west-1`
    pub region: String,
    /// `eu-west-1a`
    pub zone: String,
    /// Twelve digits. moto's own account is the default, so that what it holds is this instance's.
    pub account: String,
    /// The role of its instance profile; `None` for an instance without one.
    pub role: Option<String>,
    /// Private IPv4 address.
    pub address: String,
    /// `on-demand` or `spot`
    pub life_cycle: String,
    /// Tags in metadata; `None` when they are off, as they are unless asked for.
    pub tags: Option<BTreeMap<String, String>>,
}

impl Default for Instance {
    fn default() -> Self {
        let own = |text: &str| text.to_owned();
        Self {
            id: own("i-0123456789abcdef0"),
            image: own("ami-0abcdef1234567890"),
            kind: own("t3.small"),
            region: own("eu-west-1"),
            zone: own("eu-west-1a"),
            account: own("123456789012"),
            role: Some(own("web")),
            address: own("10.0.1.23"),
            life_cycle: own("on-demand"),
            tags: None,
        }
    }
}

impl Instance {
    /// An ordinary one that is no other. The agent takes containers of its own instance for its own, so launches that
    /// share an engine need an instance each.
    #[must_use]
    pub fn unique() -> Self {
        Self {
            id: format!("i-{:017x}", fastrand::u64(..)),
            ..Self::default()
        }
    }

    /// The principal its calls are made as.
    #[must_use]
    pub fn principal(&self) -> String {
        let role = self.role.as_deref().unwrap_or("none");
        format!(
            "arn:aws:sts::{}:assumed-role/{role}/{}",
            self.account, self.id
        )
    }
}
