//! References that cannot be had, or do not fit where they stand: exit code, reason, and what to do about each by name.

mod refused;
mod unfit;

use anyhow::{Result, ensure};
use firstlight_tests::stage::{Answer, AwsError, Fault, Order};
use serde_json::json;

use crate::scene::{Failure, Heard, Play, Scene, stillborn, table};

/// A value that no error may repeat.
const HUSHED: &str = "canary-7Yq2mWz";

/// A tag and more than a tag.
const PINNED: &str = "1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// One spec's references, what is ordered to go wrong with them, and how the launch must fail.
struct Case {
    /// Lines of the service; `@` stands for the test's own names.
    keys: String,
    orders: Vec<Order>,
    code: i32,
    reason: &'static str,
    /// Each is in the error.
    says: Vec<String>,
    /// None of these is.
    silent: Vec<String>,
}

fn keys(keys: &str) -> Case {
    Case {
        keys: keys.to_owned(),
        orders: Vec::new(),
        code: 78,
        reason: "reference_invalid",
        says: Vec::new(),
        silent: vec![HUSHED.to_owned()],
    }
}

/// One reference in the environment.
fn wants(reference: &str) -> Case {
    keys(&format!("environment: {{A: \"{{{{{reference}}}}}\"}}"))
}

impl Case {
    fn struck(mut self, order: Order) -> Self {
        self.orders.push(order);
        self
    }

    fn fails(mut self, code: i32, reason: &'static str) -> Self {
        (self.code, self.reason) = (code, reason);
        self
    }

    fn says(mut self, words: &[&str]) -> Self {
        self.says
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    fn silent(mut self, words: &[&str]) -> Self {
        self.silent
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }
}

async fn run(scene: &Scene, case: Case) -> Result<Play> {
    let own = |text: &String| text.replace('@', scene.names.suffix());
    let orders = case.orders.into_iter();
    let stage = scene.stage(stillborn("20s", &own(&case.keys)));
    let play = Play::open(stage, orders).await?;
    let says: Vec<String> = case.says.iter().map(own).collect();
    let says: Vec<&str> = says.iter().map(String::as_str).collect();
    let want = Failure {
        code: case.code,
        stage: "resolve",
        reason: case.reason,
        says: &says,
        heard: Heard::Abandon,
    };
    let finished = play.fails(want).await?;
    for word in case.silent.iter().map(own) {
        ensure!(
            !finished.stderr.contains(&word),
            "{word:?} was said:\n{}",
            finished.stderr
        );
    }
    Ok(play)
}

async fn all(scene: &Scene, cases: Vec<(&str, Case)>) -> Result<()> {
    table(cases, async |case| run(scene, case).await.map(drop)).await
}

/// What is at moto: parameters below `/@/`, secrets `@/…`.
async fn set() -> Result<Scene> {
    let scene = Scene::set().await?;
    for (name, value, kind) in [
        ("a", "1", "String"),
        ("b", "2", "String"),
        ("c", "3", "String"),
        ("password", HUSHED, "SecureString"),
        ("words", "no JSON", "String"),
        ("pinned", PINNED, "String"),
        ("one/X", "1", "String"),
        ("two/X", "2", "String"),
        ("odd/1st", "1", "String"),
    ] {
        scene.parameter(name, value, kind).await?;
    }
    let json = json!({"user": HUSHED, "none": null}).to_string();
    scene.secret("json", &json).await?;
    scene.secret("words", HUSHED).await?;
    scene.secret("nul", "{\"a\": \"\\u0000\"}").await?;
    Ok(scene)
}
