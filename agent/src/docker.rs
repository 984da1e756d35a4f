//! The Docker engine: connecting, waiting for it, and telling its errors apart.

use crate::context::Context;
use bollard::Docker;

/// The engine named by `DOCKER_HOST`, else `/var/run/docker.sock`, waited for until the deadline,
/// with the API version negotiated (1.41 and up).
///
/// # Errors
/// It was not there in time, or is too old.
pub async fn engine(_cx: &Context) -> Result<Docker, EngineError> {
    todo!()
}

/// The engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {}
