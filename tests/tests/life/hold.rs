//! Where a launch can be held up, by no clock: something it waits for does not come.
//!
//! To add a place: a variant of [`Hold`], and its arms below.

use anyhow::Result;
use firstlight_tests::harness::Finished;
use firstlight_tests::parts::proxy::{Of, Trouble};
use firstlight_tests::parts::wire::At;
use firstlight_tests::stage::Fault;
use firstlight_tests::wait::wait_until;

use crate::scene::{PATIENCE, Play, QUICK, Scene};

/// How much of the image arrives before its download stands still. The last layer is larger.
const ARRIVES: u64 = 512 << 10;

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Metadata gives no token.
    Identify,
    /// Metadata does not give the user data.
    Configure,
    /// Parameter Store does not answer.
    Resolve,
    /// The registry sends half an image.
    Pull,
    /// The engine has made the task's container, and does not say so.
    Create,
    /// The engine is not told to start it.
    Unstarted,
    /// The engine has started it, and does not say so.
    Start,
    /// The task runs.
    Task,
    /// The service is not healthy yet.
    Health,
    /// The verdict is on disk, and the group does not take it.
    Delivery,
    /// The group has taken the verdict, its answer was lost, and it answers nothing more.
    Answer,
}

impl Hold {
    /// Those before the verdict.
    pub(crate) const BEFORE: [Hold; 9] = [
        Hold::Identify,
        Hold::Configure,
        Hold::Resolve,
        Hold::Pull,
        Hold::Create,
        Hold::Unstarted,
        Hold::Start,
        Hold::Task,
        Hold::Health,
    ];

    /// The stage that is held up, as the status names it.
    pub(crate) const fn stage(self) -> &'static str {
        match self {
            Hold::Identify => "identify",
            Hold::Configure => "configure",
            Hold::Resolve => "resolve",
            Hold::Pull => "pull",
            Hold::Create | Hold::Unstarted | Hold::Start | Hold::Task => "start",
            Hold::Health => "health",
            Hold::Delivery | Hold::Answer => "signal",
        }
    }

    /// What the task is.
    pub(crate) const fn job(self) -> &'static str {
        match self {
            Hold::Task => "command: [serve]",
            Hold::Identify
            | Hold::Configure
            | Hold::Resolve
            | Hold::Pull
            | Hold::Create
            | Hold::Unstarted
            | Hold::Start
            | Hold::Health
            | Hold::Delivery
            | Hold::Answer => QUICK,
        }
    }

    /// Holds up the launches to come.
    pub(crate) fn set(self, scene: &Scene, play: &Play) {
        const SIGNAL: (&str, &str) = ("autoscaling", "CompleteLifecycleAction");
        match self {
            Hold::Identify => play.stage.order(Fault::Hang.on_metadata("api/token")),
            Hold::Configure => play.stage.order(Fault::Hang.on_metadata("user-data")),
            Hold::Resolve => play.stage.order(Fault::Hang.on("ssm", "GetParameters")),
            Hold::Pull => scene.proxy.order(Trouble::Stall(ARRIVES), Of::Blobs, None),
            Hold::Create => scene.wire.hold(At::Answer, "/containers/create"),
            Hold::Unstarted => scene.wire.hold(At::Request, "/start"),
            Hold::Start => scene.wire.hold(At::Answer, "/start"),
            Hold::Task => {}
            Hold::Health => scene.gate.close(),
            Hold::Delivery => play.stage.order(Fault::Hang.on(SIGNAL.0, SIGNAL.1)),
            Hold::Answer => {
                play.stage
                    .order(Fault::DoThenLose.on(SIGNAL.0, SIGNAL.1).times(1));
                play.stage.order(Fault::Hang.on(SIGNAL.0, SIGNAL.1));
            }
        }
    }

    /// Whether the launch is there.
    pub(crate) fn reached(self, scene: &Scene, play: &Play) -> bool {
        let called = |service, operation| play.stage.calls_of(service, operation).len();
        match self {
            Hold::Identify | Hold::Configure => {
                play.stage.calls().iter().any(|call| call.fault.is_some())
            }
            Hold::Resolve => called("ssm", "GetParameters") > 0,
            Hold::Pull => scene.proxy.sent() >= ARRIVES,
            Hold::Create => scene.wire.held() > 0 && scene.events.count(&scene.job, "create") > 0,
            Hold::Unstarted => scene.wire.held() > 0,
            Hold::Start => scene.wire.held() > 0 && scene.events.count(&scene.job, "start") > 0,
            Hold::Task => {
                // Its digest is on record before anything is started.
                scene.events.count(&scene.job, "start") > 0
            }
            Hold::Health => scene.gate.asked() > 0 && scene.events.count(&scene.web, "start") > 0,
            Hold::Delivery => play.completions() > 0,
            Hold::Answer => play.completions() > 1,
        }
    }

    /// Lets go, having made sure that it held.
    pub(crate) fn release(self, scene: &Scene, play: &Play) -> Result<()> {
        play.stage.assert_faults_fired()?;
        scene.proxy.assert_faults_fired()?;
        scene.wire.release()?;
        play.stage.call_off();
        scene.proxy.call_off();
        scene.gate.open();
        Ok(())
    }

    /// Runs the launch once more, to its end.
    pub(crate) async fn resume(self, scene: &Scene, play: &Play) -> Result<Finished> {
        self.release(scene, play)?;
        if self != Hold::Task {
            return play.launch().await;
        }
        let running = play.agent.start(&["launch"])?;
        let adopted = format!("{} adopted", scene.job);
        wait_until(PATIENCE, "the task is adopted", || {
            running.output().contains(&adopted)
        })
        .await?;
        scene.end_task().await?;
        running.finish(PATIENCE).await
    }
}
