//! Where the Auto Scaling group wants the instance to go.

/// `autoscaling/target-lifecycle-state`. Source: "Retrieve the target lifecycle state through instance
/// metadata", Amazon EC2 Auto Scaling User Guide.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TargetState {
    /// Serve.
    InService,
    /// Stand by, still in the group.
    Standby,
    /// Leave the group, keep running.
    Detached,
    /// Be terminated.
    Terminated,
    /// Hibernate in the warm pool.
    WarmedHibernated,
    /// Run in the warm pool.
    WarmedRunning,
    /// Stop in the warm pool.
    WarmedStopped,
    /// Be terminated out of the warm pool.
    WarmedTerminated,
    /// Something that this version does not know.
    Unknown(String),
}

impl From<String> for TargetState {
    fn from(text: String) -> TargetState {
        match text.as_str() {
            "InService" => TargetState::InService,
            "Standby" => TargetState::Standby,
            "Detached" => TargetState::Detached,
            "Terminated" => TargetState::Terminated,
            "Warmed:Hibernated" => TargetState::WarmedHibernated,
            "Warmed:Running" => TargetState::WarmedRunning,
            "Warmed:Stopped" => TargetState::WarmedStopped,
            "Warmed:Terminated" => TargetState::WarmedTerminated,
            _ => TargetState::Unknown(text),
        }
    }
}

impl From<TargetState> for String {
    fn from(state: TargetState) -> String {
        match state {
            TargetState::InService => "InService".to_owned(),
            TargetState::Standby => "Standby".to_owned(),
            TargetState::Detached => "Detached".to_owned(),
            TargetState::Terminated => "Terminated".to_owned(),
            TargetState::WarmedHibernated => "Warmed:Hibernated".to_owned(),
            TargetState::WarmedRunning => "Warmed:Running".to_owned(),
            TargetState::WarmedStopped => "Warmed:Stopped".to_owned(),
            TargetState::WarmedTerminated => "Warmed:Terminated".to_owned(),
            TargetState::Unknown(text) => text,
        }
    }
}
