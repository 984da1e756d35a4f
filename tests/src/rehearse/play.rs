//! What is rehearsed: the sample service, or somebody's own spec.

use anyhow::Context as _;
use firstlight_userdata::sources::Sources;
use firstlight_userdata::spec::{Spec, Unresolved};

use super::Arguments;
use super::parameters::{self, Kind, Value};
use crate::parts::registry::{Login, Registry};
use crate::parts::webapp;

const GROUP: &str = "rehearsal";
const HOOK: &str = "launch";

/// A launch to be: what the template says, and what AWS knows.
#[derive(Debug)]
pub struct Play {
    /// What it is, in a few words.
    pub title: String,
    /// The launch template's user data.
    pub user_data: Vec<u8>,
    /// Parameters and secrets by name.
    pub parameters: Vec<(String, Value)>,
    /// The group the instance is in.
    pub group: String,
    /// Its launch hooks.
    pub hooks: Vec<String>,
    /// The CloudFormation stack that waits.
    pub stack: Option<String>,
    /// The names of services and tasks, and so of their containers.
    pub containers: Vec<String>,
    /// The registry that holds the sample service.
    pub registry: Option<Registry>,
}

impl Play {
    /// Reads what the arguments ask for.
    ///
    /// # Errors
    /// If a file can't be read, or a part is missing.
    pub async fn read(arguments: &Arguments) -> anyhow::Result<Self> {
        let Some(file) = &arguments.spec else {
            return sample().await;
        };
        let user_data =
            std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let given = arguments
            .parameters
            .as_deref()
            .map(parameters::read)
            .transpose()?
            .unwrap_or_default();
        Ok(Self::of(
            format!("launching {}", file.display()),
            user_data,
            given,
        ))
    }

    /// A launch with this user data, in the group, under the hooks and for the stack that it names. A spec with errors
    /// gets the defaults: saying what is wrong with it is the agent's part.
    fn of(title: String, user_data: Vec<u8>, parameters: Vec<(String, Value)>) -> Self {
        let mut sources = Sources::default();
        sources.user_data("user data", &user_data);
        let spec: Option<Spec<Unresolved>> = sources.compose().ok();
        let spec = spec.as_ref();
        let literal =
            |text: &firstlight_userdata::reference::Template| text.as_literal().map(str::to_owned);
        let signal = spec.map(|spec| &spec.signal);
        let hooks: Vec<String> = signal
            .iter()
            .flat_map(|signal| &signal.launching)
            .filter_map(literal)
            .collect();
        let names = spec.map(|spec| {
            spec.services
                .keys()
                .chain(spec.tasks.keys())
                .map(ToString::to_string)
                .collect()
        });
        Self {
            title,
            user_data,
            parameters,
            group: signal
                .and_then(|signal| literal(signal.group.as_ref()?))
                .unwrap_or_else(|| GROUP.to_owned()),
            hooks: if hooks.is_empty() {
                vec![HOOK.to_owned()]
            } else {
                hooks
            },
            stack: signal.and_then(|signal| literal(&signal.cloudformation.as_ref()?.stack)),
            containers: names.unwrap_or_default(),
            registry: None,
        }
    }
}

/// The project's own: a web service with a task before it, behind a registry that asks for a password.
async fn sample() -> anyhow::Result<Play> {
    let login = Login::new("rehearsal", &format!("{:016x}", fastrand::u64(..)));
    let registry = Registry::start(std::slice::from_ref(&login)).await?;
    let image = webapp::image()?
        .environment("HEALTHY_AFTER", "3")
        .ballast(4 << 20);
    registry.push("web", "1.4.2", &image).await?;
    let host = registry.host();
    let spec = format!(
        r#"firstlight: 1
timeout: 5m
registries:
  "{host}": {{username: rehearsal, password: "{{{{ssm:/rehearsal/registry/password}}}}"}}
services:
  rehearsal-web:
    image: {host}/web:{{{{ssm:/rehearsal/web/version}}}}
    environment:
      PORT: 3000
      DATABASE_URL: "postgres://web:{{{{ssm:/rehearsal/db/password | urlencode}}}}@db.internal/web"
      INSTANCE: "{{{{imds:instance-id}}}}"
    files:
      /run/secrets/tls.key: {{content: "{{{{secretsmanager:rehearsal/tls#key}}}}", mode: "0400", uid: 1000}}
    user: "1000"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    health:
      http: {{port: 3000, path: /healthcheck/}}
      interval: 500ms
tasks:
  rehearsal-migrate:
    extends: rehearsal-web
    command: [task, "migrated 3 tables"]
"#
    );
    let parameter = |name: &str, value: &str, kind| {
        (
            format!("/rehearsal/{name}"),
            Value::Parameter {
                value: value.to_owned(),
                kind,
            },
        )
    };
    let parameters = vec![
        parameter("registry/password", &login.password, Kind::SecureString),
        parameter("web/version", "1.4.2", Kind::String),
        parameter("db/password", "p@ss/word", Kind::SecureString),
        (
            "rehearsal/tls".to_owned(),
            Value::Secret(r#"{"key": "not a key"}"#.to_owned()),
        ),
    ];
    let mut play = Play::of(
        format!("launching the sample service, from user data\n\n{spec}"),
        spec.into_bytes(),
        parameters,
    );
    play.registry = Some(registry);
    Ok(play)
}
