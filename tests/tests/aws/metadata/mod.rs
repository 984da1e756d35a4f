//! Instance metadata that is slow, wrong, late or away, and what must never happen on the way to it.

mod elsewhere;
mod late;
mod token;
mod wrong;

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::stage::{Answer, Fault, Hook, Instance, Stage};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::task::JoinSet;

use crate::scene::{Failure, Heard, PATIENCE, Play, Scene, gzip, stillborn, table, tagged};

const DOCUMENT: &str = "dynamic/instance-identity/document";
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";
const ROLE: &str = "meta-data/iam/security-credentials/web";
const TOKEN: &str = "api/token";
const USER_DATA: &str = "user-data";

/// How often a path was asked for.
fn asked(stage: &Stage, path: &str) -> usize {
    stage
        .calls()
        .iter()
        .filter(|entry| entry.call.service == "imds" && entry.call.names(path))
        .count()
}
