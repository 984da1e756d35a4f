//! Whether the agent has anything to do on this machine: an image with it may boot anywhere, and then its
//! unit should end at once, quietly, and cheaply.

use crate::{
    context::{Deadline, Timings},
    imds::{Imds, Platform},
    report::{self, Report},
};
use std::{path::Path, time::Duration};

/// How long metadata may take to answer where no firmware says that this is an EC2 instance.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why this machine is no EC2 instance; `None` when it is, or whoever started the agent says where its
/// metadata is.
pub(super) async fn elsewhere(root: &Path, timings: &Timings) -> Option<String> {
    if std::env::var_os("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_some() {
        return None;
    }
    match Platform::detect(root) {
        Platform::Ec2 => None,
        Platform::Other(vendor) => Some(format!(
            "this is no EC2 instance, but a machine of {vendor:?}: nothing to do"
        )),
        Platform::Untold => {
            // Boot does not wait for what may never come.
            report::up();
            let imds = Imds::from_env(timings, &Report::default());
            let answer = imds.identify(Deadline::after(PATIENCE)).await;
            answer.err().map(|error| {
                format!("nothing says that this is an EC2 instance: nothing to do ({error})")
            })
        }
    }
}
