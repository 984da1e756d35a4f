//! `userdata/ways-in`: that `firstlight check` takes each, and that all say the same.

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::repository;

use crate::tools::{plan, read};

/// What cloud-config's only `write_files` entry writes.
fn written(config: &str) -> Result<String> {
    let (head, content) = config.split_once("\n  content: |\n").context("content")?;
    ensure!(
        head.contains("\n- path: /etc/firstlight/launch.d/"),
        "{head}"
    );
    let lines = content.lines().map(|line| match line.strip_prefix("    ") {
        Some(line) => Ok(line),
        None if line.is_empty() => Ok(line),
        None => Err(anyhow::anyhow!("{line:?} is not in the content")),
    });
    let lines: Vec<&str> = lines.collect::<Result<_>>()?;
    Ok(lines.join("\n"))
}

#[test]
fn each_is_taken_and_all_say_the_same() -> Result<()> {
    let folder = "userdata/ways-in";
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(repository().join(folder))? {
        let name = entry?.file_name().into_string().unwrap();
        let text = read(&format!("{folder}/{name}"))?;
        // Of cloud-config itself firstlight reads nothing.
        let said = if text.starts_with("#cloud-config\n") {
            written(&text)?
        } else {
            text
        };
        let plan = plan(said.as_bytes()).with_context(|| name.clone())?;
        plans.push((name, plan));
    }
    ensure!(plans.len() == 4, "{plans:#?}");
    for (name, plan) in &plans {
        assert_eq!(*plan, plans[0].1, "{name} and {}", plans[0].0);
    }
    Ok(())
}
