//! CloudFormation's signal, beside a group's and alone.

use super::*;

/// CloudFormation's signal: success, failure, a stack that waits no more, one that is not there, and one that may not be told.
#[tokio::test]
async fn cloudformation() -> Result<()> {
    let ready = Ready::set().await?;
    let signal = "{cloudformation: {stack: web, resource: Group}}";
    let failing =
        || stillborn("20s", "").replace("services:", &format!("signal: {signal}\nservices:"));
    let cases = [
        (
            "success",
            (
                ready.stage(signal),
                "CREATE_IN_PROGRESS",
                None,
                0,
                "delivered",
                vec!["SUCCESS"],
                "told stack web/Group",
            ),
        ),
        (
            "failure",
            (
                ready.scene.stage(failing()),
                "UPDATE_IN_PROGRESS",
                None,
                78,
                "delivered",
                vec!["FAILURE"],
                "told stack web/Group",
            ),
        ),
        (
            "it waits no more",
            (
                ready.stage(signal),
                "CREATE_COMPLETE",
                None,
                0,
                "settled",
                vec![],
                "the stack waits for no signal any more",
            ),
        ),
    ];
    table(
        cases,
        async |(stage, state, order, code, outcome, signals, says)| {
            let play = Play::open(stage.stack("web", state), order).await?;
            let heard = if signals == ["FAILURE"] {
                Heard::Abandon
            } else {
                Heard::Continue
            };
            let finished = play.ends(code, heard).await?;
            finished.expect_said(says)?;
            let told = delivered(&play).await?;
            let stack = ("stack web/Group".to_owned(), outcome.to_owned());
            ensure!(told == [up("delivered"), vec![stack]].concat(), "{told:?}");
            let taken: Vec<String> = play
                .stage
                .signals()
                .into_iter()
                .map(|signal| signal.status)
                .collect();
            ensure!(taken == signals, "{taken:?}");
            let who = play.stage.signals().into_iter().all(|signal| {
                signal.unique_id == play.stage.instance().id && signal.resource == "Group"
            });
            ensure!(who, "{:?}", play.stage.signals());
            Ok(())
        },
    )
    .await
}

/// Outside a group a stack can wait all the same; one that does not exist is the spec's fault.
#[tokio::test]
async fn cloudformation_alone() -> Result<()> {
    let ready = Ready::set().await?;
    let cases = [
        ("there", ("web", 0, vec!["SUCCESS"], "told stack web/Group")),
        (
            "not there",
            ("webb", 78, vec![], "Stack webb does not exist"),
        ),
    ];
    table(cases, async |(stack, code, signals, says)| {
        let spec = ready.spec(&format!(
            "{{cloudformation: {{stack: {stack}, resource: Group}}}}"
        ));
        let stage = Stage::builder()
            .instance(Instance::unique())
            .moto(ready.scene.ground.moto.url())
            .stack("web", "CREATE_IN_PROGRESS")
            .user_data(spec);
        let play = Play::open(stage, []).await?;
        let finished = play.ends(code, Heard::Nothing).await?;
        finished.expect_said(says)?;
        let taken: Vec<String> = play
            .stage
            .signals()
            .into_iter()
            .map(|signal| signal.status)
            .collect();
        ensure!(taken == signals, "{taken:?}");
        Ok(())
    })
    .await
}
