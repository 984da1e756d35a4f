//! What a launch template says.

use serde_json::json;

use crate::transition::Says;

/// What it is told with.
#[derive(Debug)]
pub(crate) struct Words<'a> {
    pub(crate) web: &'a str,
    pub(crate) job: &'a str,
    pub(crate) image: &'a str,
    /// Where that comes from, and who may have it.
    pub(crate) registry: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    /// Where the service is asked for its health.
    pub(crate) port: u16,
    /// The parameter that the service is given in a file.
    pub(crate) parameter: &'a str,
    /// The parameter with the exit code of a task that fails.
    pub(crate) code: &'a str,
    /// Where evidence goes.
    pub(crate) bucket: &'a str,
}

pub(crate) fn user_data(says: Says, words: &Words<'_>) -> String {
    let Words {
        web,
        job,
        image,
        registry,
        port,
        parameter,
        code,
        bucket,
        ..
    } = words;
    let task = match says {
        Says::Nothing => return "#!/bin/sh\necho nothing for us\n".to_owned(),
        Says::Works => "command: [task, done]".to_owned(),
        Says::Fails => format!(
            "command: [task, no]\n    environment: {{EXIT_CODE: \"{{{{ssm:{code}}}}}\"}}\n    depends_on: [{web}]"
        ),
    };
    let login = json!({"username": words.user, "password": words.password});
    format!(
        "firstlight: 1
timeout: 10m
registries:
  {registry}: {login}
diagnostics: s3://{bucket}/all
when_service_dies: unhealthy
services:
  {web}:
    image: {image}
    command: [worker]
    init: true
    network_mode: host
    stop_grace_period: 2s
    health: {{http: {{port: {port}}}, interval: 50ms, healthy_threshold: 1}}
    files:
      /run/word: {{content: \"{{{{ssm:{parameter}}}}}\", mode: \"0400\"}}
tasks:
  {job}:
    image: {image}
    {task}
"
    )
}
