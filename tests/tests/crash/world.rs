//! What one run stands on: names, parts and an instance of its own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bollard::models::NetworkCreateRequest;
use firstlight_tests::harness::canary::Canary;
use firstlight_tests::harness::{Agent, Boot, Ground, Names, Place};
use firstlight_tests::parts::engine::Engine;
use firstlight_tests::parts::events::Events;
use firstlight_tests::parts::gate::Gate;
use firstlight_tests::parts::wire::Wire;
use firstlight_tests::stage::{Instance, Lifecycle, Stage};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::spec::{self, Words};
use crate::transition::{self, Says, Transition};

/// The image's tag.
pub(crate) const TAG: &str = "1";

/// One run's names and parts.
pub(crate) struct World {
    ground: Arc<Ground>,
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) wire: Wire,
    /// The service.
    pub(crate) web: String,
    /// The task.
    pub(crate) job: String,
    pub(crate) names: Names,
    pub(crate) stage: Stage,
    /// What the service is given in a file; what it was before stands first.
    pub(crate) words: Vec<Canary>,
    agent: Agent,
    boot: Option<Boot>,
    /// What that comes from.
    parameter: String,
    /// The exit code of a task that fails.
    code: String,
    /// Where evidence goes.
    bucket: String,
    /// What the service's probe asks.
    gate: Gate,
}

impl World {
    /// One for a run of `transition`, with the image that the registry has in this folder.
    pub(crate) async fn set(transition: &Transition, folder: &str) -> Result<Self> {
        let (ground, engine) = tokio::try_join!(Ground::shared(), Engine::connect())?;
        make_network(&engine).await?;
        let names = Names::new();
        let host = ground.registry.host();
        let own = format!("{}/web", names.suffix());
        names.images_of(&format!("{host}/{}", names.suffix()));
        ground.registry.copy(folder, TAG, &own).await?;
        let gate = Gate::put_up().await?;
        gate.open();
        let parameter = format!("/{}/word", names.suffix());
        let word = new_word(&ground, &parameter).await?;
        let code = format!("/{}/code", names.suffix());
        ground.moto.put_parameter(&code, "3", "String").await?;
        let bucket = format!("evidence-{}", names.suffix());
        ground.moto.make_bucket(&bucket).await?;
        let (web, job) = (names.unique("web"), names.unique("job"));
        let says = Words {
            web: &web,
            job: &job,
            image: &format!("{host}/{own}:{TAG}"),
            registry: &host,
            user: &ground.login.user,
            password: &ground.login.password,
            port: gate.port(),
            parameter: &parameter,
            code: &code,
            bucket: &bucket,
        };
        let stage = transition::stage(transition).instance(Instance::unique());
        let stage = stage.moto(ground.moto.url());
        let stage = stage.user_data(spec::user_data(transition.says, &says));
        let (stage, wire) = (stage.open().await?, Wire::lay()?);
        let mut agent = Agent::on(&stage)?.timings(&timings());
        if transition.shuts_down {
            agent = on_a_machine_that_stops(agent)?;
        }
        Ok(Self {
            events: Events::of(&engine, names.suffix())?,
            agent: agent.env("DOCKER_HOST", &wire.host()),
            words: vec![word],
            boot: None,
            ground,
            engine,
            wire,
            web,
            job,
            names,
            stage,
            parameter,
            code,
            bucket,
            gate,
        })
    }

    /// The agent, in the boot that it is now, under a journal.
    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Where the agent runs.
    pub(crate) fn place(&self) -> Place {
        self.boot.as_ref().map(Boot::place).unwrap_or_default()
    }

    /// Whether the group has the instance there.
    pub(crate) fn is(&self, state: Lifecycle) -> bool {
        self.stage.lifecycle() == Some(state)
    }

    /// The power fails, and comes back: what ran is dead, what was in memory is gone, and the secret is another.
    pub(crate) async fn reboot(&mut self) -> Result<()> {
        for name in self.engine.of_instance(&self.stage.instance().id).await? {
            // What does not run cannot be killed.
            drop(self.engine.kill(&name).await);
        }
        self.words
            .push(new_word(&self.ground, &self.parameter).await?);
        let boot = Boot::now()?;
        self.agent = boot.of(&self.agent)?;
        self.boot = Some(boot);
        Ok(())
    }

    /// What decided the verdict is another now: who decided again would come to the other one.
    pub(crate) async fn turn(&self, says: Says) -> Result<()> {
        match says {
            Says::Works => self.gate.close(),
            Says::Fails => {
                let put = self.ground.moto.put_parameter(&self.code, "0", "String");
                put.await?;
                self.engine.remove(&self.job).await?;
            }
            Says::Nothing => {}
        }
        Ok(())
    }

    /// The bundles that came where evidence goes.
    pub(crate) async fn evidence(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.ground.moto.objects(&self.bucket).await
    }

    /// A fact on record, if it is known.
    pub(crate) fn fact(&self, name: &str) -> Option<Value> {
        let fact = self.record().ok()??["facts"][name].take();
        (!fact.is_null()).then_some(fact)
    }

    /// The agent's record, if there is one.
    pub(crate) fn record(&self) -> Result<Option<Value>> {
        let path = self.agent.root().join("var/lib/firstlight/record.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path)?;
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("{} is not readable", path.display()))
    }
}

/// systemd says that it is shutting the machine down.
fn on_a_machine_that_stops(agent: Agent) -> Result<Agent> {
    let folder = agent.root().join("bin");
    std::fs::create_dir(&folder)?;
    let systemctl = folder.join("systemctl");
    std::fs::write(&systemctl, "#!/bin/sh\necho stopping\nexit 1\n")?;
    std::fs::set_permissions(&systemctl, Permissions::from_mode(0o755))?;
    let path = std::env::var("PATH")?;
    Ok(agent.env("PATH", &format!("{}:{path}", folder.display())))
}

/// Makes a secret the parameter's value.
async fn new_word(ground: &Ground, parameter: &str) -> Result<Canary> {
    let word = Canary::new();
    let put = ground
        .moto
        .put_parameter(parameter, word.value(), "SecureString");
    put.await?;
    Ok(word)
}

/// The network that launches share. It is there before any of them: whichever came first would make it, and so make one
/// request more than others.
async fn make_network(engine: &Engine) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    let _one = ONE_AT_A_TIME.lock().await;
    if engine.has_network().await {
        return Ok(());
    }
    let network = NetworkCreateRequest {
        name: "firstlight".to_owned(),
        driver: Some("bridge".to_owned()),
        ..NetworkCreateRequest::default()
    };
    engine.client().create_network(network).await?;
    Ok(())
}

/// Everything soon; but a call whose answer is withheld must still be waited for when the agent is killed.
fn timings() -> Value {
    json!({
        "imds_attempt": 20_000, "aws_attempt": 20_000, "backoff_base": 20, "backoff_cap": 200, "settle": 200,
        "delivery_reserve": 1000, "delivery_least": 30_000, "reconcile_poll": 100, "reconcile_patience": 500,
        "watch_poll": 150, "restart_cap": 50, "dying_exits": 2,
    })
}
