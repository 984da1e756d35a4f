//! Large sources: read, or refused for a reason, in a time that grows with them and no faster. An
//! input here takes minutes where something is searched once for each of its entries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::{diagnostic::MOST, spec::Unresolved};

const MANY: usize = 60_000;

fn compose(texts: &[&str]) -> Result<Spec<Unresolved>, Diagnostics> {
    let mut sources = Sources::default();
    for text in texts {
        sources.drop_in("x.yaml", format!("firstlight: 1\n{text}").as_bytes());
    }
    sources.compose()
}

fn repeat(times: usize, each: impl Fn(usize) -> String) -> String {
    (0..times).map(each).collect()
}

/// A service with one more key.
fn service(key: &str) -> String {
    format!("services: {{web: {{image: web, {key}}}}}")
}

fn variables(times: usize) -> String {
    format!(
        "environment: {{{}}}",
        repeat(times, |n| format!("V{n}: x,"))
    )
}

#[test]
fn many_variables_are_read_and_merged() {
    let list = format!("environment: [{}]", repeat(MANY, |n| format!("V{n}=x,")));
    let spec = compose(&[&service(&list)]).unwrap();
    assert_eq!(spec.services["web"].container.environment.len(), MANY);
    let half = service(&variables(MANY / 2));
    let spec = compose(&[&half, &half.replace(": x", ": y")]).unwrap();
    let environment = &spec.services["web"].container.environment;
    assert_eq!(environment.len(), MANY / 2);
    assert_eq!(environment["V1"].to_string(), "y");
}

#[test]
fn many_ports_and_files_are_read() {
    let ports = repeat(MANY, |n| format!("\"{}:80\",", n + 1));
    let spec = compose(&[&service(&format!("ports: [{ports}]"))]).unwrap();
    assert_eq!(spec.services["web"].container.ports.len(), MANY);
    let files = repeat(MANY / 4, |n| format!("/f{n}: {{content: x}},"));
    let spec = compose(&[&service(&format!("files: {{{files}}}"))]).unwrap();
    assert_eq!(spec.services["web"].container.files.len(), MANY / 4);
}

#[test]
fn of_many_problems_the_first_are_told() {
    for key in [
        repeat(MANY, |n| format!("imag{n}: x,")),
        format!("environment: {{{}}}", "V: x,".repeat(MANY)),
        format!("environment: [{}]", "V=x,".repeat(MANY)),
        format!("depends_on: [{}]", repeat(MANY, |n| format!("wep{n},"))),
    ] {
        let problems = compose(&[&service(&key)]).unwrap_err();
        assert_eq!(problems.0.len(), MOST, "{}: {problems}", &key[..40]);
    }
}

#[test]
fn tasks_take_much_from_a_service_but_not_without_end() {
    let extends = |tasks: usize, own: &str| {
        let tasks = repeat(tasks, |n| format!("t{n}: {{extends: web, {own}}},"));
        format!("tasks: {{{tasks}}}")
    };
    let large = service(&variables(MANY / 3));
    let own = variables(MANY / 3).replace('V', "W");
    let spec = compose(&[&large, &extends(1, &own)]).unwrap();
    let environment = &spec.tasks["t0"].container.environment;
    assert_eq!(environment.len(), MANY / 3 * 2);
    let problems = compose(&[&large, &extends(MANY / 6, "")]).unwrap_err();
    assert!(problems.to_string().contains("take too much"), "{problems}");
}

#[test]
fn many_services_and_tasks_are_put_in_order() {
    let services = repeat(50, |n| format!("s{n}: {{image: x}},"));
    let all = repeat(50, |n| format!("s{n},"));
    let tasks = repeat(50, |n| format!("t{n}: {{image: x, depends_on: [{all}]}},"));
    let spec = compose(&[&format!("services: {{{services}}}\ntasks: {{{tasks}}}")]).unwrap();
    let waves = spec.order().waves();
    assert_eq!(waves.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50]);
    let one_too_many = format!("services: {{{services} more: {{}}}}\ntasks: {{{tasks}}}");
    let problems = compose(&[&one_too_many]).unwrap_err();
    assert!(problems.to_string().contains("more than 100"), "{problems}");
}

#[test]
fn what_a_reboot_could_not_read_back_is_refused() {
    let label = "y".repeat(100_000);
    let aliases = format!(
        "x-a: &a {label}\n{}",
        service(&format!(
            "labels: {{{}}}",
            repeat(12, |n| format!("l{n}: *a,"))
        ))
    );
    let halves = ["a", "b"].map(|name| {
        let label = "y".repeat(600_000);
        format!("services: {{web: {{image: web, labels: {{{name}: {label}}}}}}}")
    });
    let values = format!("environment: [{}]", repeat(100_000, |n| format!("V{n}=,")));
    for texts in [
        vec![aliases.as_str()],
        halves.iter().map(String::as_str).collect(),
        vec![&service(&values)],
    ] {
        let problems = compose(&texts).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert!(
            problems.0[0].message.contains("after a reboot"),
            "{problems}"
        );
    }
    let fits = compose(&[&aliases.replace(&label, "y"), &halves[0]]).unwrap();
    let mut again = Sources::default();
    again.drop_in("recorded", fits.document.as_bytes());
    assert_eq!(again.compose().unwrap().document, fits.document);
}
