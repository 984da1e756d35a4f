//! What EC2 announces through metadata: interruptions, rebalance recommendations, maintenance.
//!
//! Paths and shapes after the Amazon EC2 User Guide: "Spot Instance interruption notices", "EC2 instance rebalance
//! recommendations" and "Scheduled events for your instances".
//!
//! To add a notice: its path and body here.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::{Stage, imds::stamp};

/// What EC2 does with a spot instance that it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotAction {
    /// Terminates it, two minutes after the notice.
    Terminate,
    /// Stops it, two minutes after the notice.
    Stop,
    /// Hibernates it at once.
    Hibernate,
}

impl Stage {
    /// EC2 announces that it interrupts the instance this long from now.
    pub fn spot_notice(&self, action: SpotAction, left: Duration) {
        let action = match action {
            SpotAction::Terminate => "terminate",
            SpotAction::Stop => "stop",
            SpotAction::Hibernate => "hibernate",
        };
        let notice = json!({"action": action, "time": stamp(left)}).to_string();
        self.set_metadata("meta-data/spot/instance-action", Some(notice.as_bytes()));
        self.set_metadata(
            "meta-data/spot/termination-time",
            Some(stamp(left).as_bytes()),
        );
    }

    /// EC2 sees an elevated risk of an interruption, from now on.
    pub fn rebalance(&self) {
        let notice = json!({"noticeTime": stamp(Duration::ZERO)}).to_string();
        self.set_metadata(
            "meta-data/events/recommendations/rebalance",
            Some(notice.as_bytes()),
        );
    }

    /// EC2 schedules maintenance, such as `system-reboot` or `instance-retirement`, this long from now.
    pub fn maintenance(&self, code: &str, left: Duration) {
        let notice = json!([{
            "NotBefore": date(left), "NotAfter": date(left + Duration::from_secs(1800)), "Code": code,
            "Description": "scheduled on the stage", "EventId": "instance-event-0d59937288b749b32", "State": "active",
        }]);
        self.set_metadata(
            "meta-data/events/maintenance/scheduled",
            Some(notice.to_string().as_bytes()),
        );
    }
}

/// As maintenance tells time: `21 Jan 2019 09:00:43 GMT`.
fn date(from_now: Duration) -> String {
    let at = OffsetDateTime::now_utc() + from_now;
    let month: String = at.month().to_string().chars().take(3).collect();
    let (hour, minute, second) = at.to_hms();
    format!(
        "{} {month} {} {hour:02}:{minute:02}:{second:02} GMT",
        at.day(),
        at.year()
    )
}
