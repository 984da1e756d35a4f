//! `make bench`: the agent, the script and the floor, side by side. What is measured and why: README.md here.
//!
//! To add a case: a line in [`CASES`]. To add a contender: a variant of [`Contender`] and its command.

mod contender;
mod table;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::{
    parts::{
        engine::Engine,
        moto::Moto,
        registry::{Login, Registry},
        webapp,
    },
    stage::{Hook, Instance, Stage},
};

use contender::{Contender, Setting, peak_pss};
use table::Table;

/// How many megabytes of layers make the large image.
const LARGE: u64 = 900_000_000;
/// Group and hook of every round.
const GROUP: &str = "web";
const HOOK: &str = "launch";
const PASSWORD: &str = "correct horse";

/// One case.
#[derive(Debug, Clone, Copy)]
struct Case {
    image: &'static str,
    pull: bool,
    parameters: usize,
    rounds: usize,
}

const CASES: &[Case] = &[
    Case {
        image: "small",
        pull: false,
        parameters: 1,
        rounds: 15,
    },
    Case {
        image: "small",
        pull: false,
        parameters: 20,
        rounds: 11,
    },
    Case {
        image: "small",
        pull: false,
        parameters: 250,
        rounds: 7,
    },
    Case {
        image: "small",
        pull: true,
        parameters: 1,
        rounds: 11,
    },
    Case {
        image: "large",
        pull: true,
        parameters: 1,
        rounds: 3,
    },
];

#[tokio::main]
async fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let engine = Engine::connect().await?;
    let registry = Registry::start(&[Login::new("bench", PASSWORD)]).await?;
    registry.push("small", "1", &webapp::image()?).await?;
    let moto = Moto::start("eu-west-1").await?;
    for number in 0..270 {
        let name = if number < 20 {
            format!("/bench/named/{number}")
        } else {
            format!("/bench/path/p{number}")
        };
        moto.put_parameter(&name, &format!("value-{number}"), "SecureString")
            .await?;
    }
    if !quick {
        registry
            .push(
                "large",
                "1",
                &webapp::image()?
                    .ballast(LARGE / 3)
                    .ballast(LARGE / 3)
                    .ballast(LARGE / 3),
            )
            .await?;
    }
    let mut table = Table::default();
    for case in CASES
        .iter()
        .filter(|case| !(quick && case.image == "large"))
    {
        let setting = Setting::new(
            &registry.host(),
            case.image,
            case.pull,
            case.parameters,
            PASSWORD,
        );
        let rounds = if quick { 3 } else { case.rounds };
        run(case, rounds, &setting, &engine, &moto, &mut table)
            .await
            .with_context(|| format!("{case:?}"))?;
        print!("{}", table.last());
    }
    let setting = Setting::new(&registry.host(), "small", false, 1, PASSWORD);
    let stage = open(&setting, &moto).await?;
    table.peak(peak_pss(&setting, &stage).await?);
    engine.remove(&setting.name).await?;
    engine.remove_images_of(&registry.host()).await?;
    println!("\n{table}");
    Ok(())
}

async fn run(
    case: &Case,
    rounds: usize,
    setting: &Setting,
    engine: &Engine,
    moto: &Moto,
    table: &mut Table,
) -> Result<()> {
    let mut times = Vec::new();
    // One round more than is counted: the first finds caches cold for whoever comes first.
    for round in 0..=rounds {
        let mut took = [Duration::ZERO; 3];
        // In changing order, so that none always follows the same one.
        for turn in 0..3 {
            let contender = Contender::ALL[(round + turn) % 3];
            prepare(case, setting, engine).await?;
            let stage = open(setting, moto).await?;
            took[contender as usize] = contender.run(setting, &stage).await?;
            let counted = stage.counted();
            ensure!(
                counted.len() == 1
                    && stage.calls_of("ssm", "GetParameters").len()
                        >= usize::from(case.parameters <= 20),
                "{contender:?} did not do the work:\n{}",
                stage.transcript()
            );
        }
        if round > 0 {
            times.push(took);
        }
    }
    prepare(case, setting, engine).await?;
    table.add(&label(case), times);
    Ok(())
}

/// No container of an earlier round; and no image where it is to be pulled, the image where not.
async fn prepare(case: &Case, setting: &Setting, engine: &Engine) -> Result<()> {
    engine.remove(&setting.name).await?;
    if case.pull {
        engine.remove_image(&setting.image).await?;
    } else {
        setting.pull().await?;
    }
    Ok(())
}

async fn open(setting: &Setting, moto: &Moto) -> Result<Stage> {
    // Tags in metadata, as all three read the group's name there.
    let tags = [("aws:autoscaling:groupName".to_owned(), GROUP.to_owned())];
    Stage::builder()
        .instance(Instance {
            tags: Some(tags.into()),
            ..Instance::default()
        })
        .moto(moto.url())
        .group(GROUP, vec![Hook::launching(HOOK)])
        .user_data(setting.user_data())
        .open()
        .await
}

fn label(case: &Case) -> String {
    let from = if case.pull { "pulled" } else { "cached" };
    let image = if case.image == "large" {
        "900 MB"
    } else {
        "small"
    };
    format!(
        "{image} image {from}, {} parameter{}",
        case.parameters,
        if case.parameters == 1 { "" } else { "s" }
    )
}
