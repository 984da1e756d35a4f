//! When a service counts as healthy.

use std::time::Duration;

/// When a service counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is asked.
    pub probe: Probe,
    /// From one probe's start to the next. Default 2 s.
    pub interval: Duration,
    /// How long one probe may take. Default 2 s.
    pub timeout: Duration,
    /// Consecutive successes wanted. Default 2.
    pub healthy_threshold: u32,
}

/// How a service is asked whether it is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// GET over HTTP.
    Http(HttpProbe),
    /// GET over HTTPS, certificate unchecked.
    Https(HttpProbe),
    /// A TCP connection.
    Tcp {
        /// The container's port.
        port: u16,
    },
    /// A command run inside the container; exit 0 is success.
    Command(Vec<String>),
}

/// A GET and the statuses that count as success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProbe {
    /// The container's port.
    pub port: u16,
    /// Path and query, `/` by default.
    pub path: String,
    /// Inclusive ranges of statuses, as in an ALB's matcher: `200`, `200,301`, `200-299`.
    pub matcher: Vec<(u16, u16)>,
}
