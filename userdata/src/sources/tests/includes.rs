//! What documents include.

use super::*;

const WITH_INCLUDES: &str = "firstlight: 1\ninclude: [{from: \"ssm:/a\"}, {from: s3://bucket/dir/k, owner: '012345678901'}]\ntimeout: 3m\n";

#[test]
fn includes_rank_just_below_the_document_that_names_them() {
    let mut sources = Sources::default();
    sources.drop_in(
        "low",
        b"firstlight: 1\ntimeout: 1m\ndrain: {delay: 1s}\nwhen_service_dies: report\n",
    );
    sources.user_data("user data", WITH_INCLUDES.as_bytes());
    let includes = sources.includes();
    assert_eq!(
        includes[0].from,
        IncludeFrom::Ssm {
            name: "/a".to_owned()
        }
    );
    assert_eq!(includes[1].from.to_string(), "s3://bucket/dir/k");
    assert_eq!(includes[1].owner.as_deref(), Some("012345678901"));
    sources.included(
        includes[1].id,
        b"firstlight: 1\ntimeout: 9m\ndrain: {delay: 9s}\n",
    );
    assert_eq!(sources.includes().len(), 1);
    sources.included(
        includes[0].id,
        b"firstlight: 1\ndrain: {delay: 8s}\nwhen_service_dies: unhealthy\n",
    );
    sources.included(includes[0].id, b"firstlight: 1\nsignal: {}\n");
    sources.included(7777, b"x");
    assert!(sources.includes().is_empty());
    let said: Vec<_> = sources
        .effective()
        .into_iter()
        .map(|said| (said.path, said.value, said.source))
        .collect();
    let row = |path: &str, value: &str, source: &str| {
        (path.to_owned(), format!("{value:?}"), source.to_owned())
    };
    assert_eq!(
        said,
        [
            row("drain.delay", "9s", "include s3://bucket/dir/k"),
            row("timeout", "3m", "user data"),
            row("when_service_dies", "unhealthy", "include ssm:/a"),
        ]
    );
}

#[test]
fn an_include_is_checked_and_may_be_packed_and_includes_nothing() {
    let text = b"firstlight: 1\ntimeout: 1m\n";
    let digest: String = Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let zeros = "0".repeat(64);
    let run = |sum: &str, bytes: &[u8]| {
        let mut sources = drop_ins(&[&format!(
            "include: [{{from: s3://bucket/k, sha256: \"{sum}\"}}]"
        )]);
        let include = sources.includes().remove(0);
        sources.included(include.id, bytes);
        assert!(sources.includes().is_empty());
        assert_eq!(sources.changed(), sum == zeros);
        (
            sources.problems.to_string(),
            canonical::document(&sources.merged()),
        )
    };
    assert_eq!(
        run(&digest, text),
        (
            String::new(),
            r#"{"firstlight":1,"timeout":"1m"}"#.to_owned()
        )
    );
    let (problem, document) = run(&zeros, text);
    assert!(
        problem.contains(&zeros) && problem.contains(&digest.to_lowercase()),
        "{problem}"
    );
    assert_eq!(document, r#"{"firstlight":1}"#);
    let mut sources =
        drop_ins(&["include: [{from: ssm:/a}, {from: ssm:/b}, {from: ssm:/c}, {from: ssm:/d}]"]);
    for (include, bytes) in sources.includes().iter().zip([
        &b"Zmlyc3RsaWdodDogMQp0aW1lb3V0OiAybQo="[..],
        b"firstlight: 1\ninclude: []\n",
        b"MIME-Version: 1.0\n\nx",
        b"",
    ]) {
        sources.included(include.id, bytes);
    }
    assert_eq!(
        canonical::document(&sources.merged()),
        r#"{"firstlight":1,"timeout":"2m"}"#
    );
    assert_snapshot!(sources.problems, @r##"
    include ssm:/b, line 2, column 1: an included document includes nothing itself; name it in the document that includes this one
    include ssm:/c, line 3, column 1: not valid YAML: simple key expected ':'; is the line indented as its neighbours are, and is there a space after the `:`?
    include ssm:/d, line 1, column 1: this document says nothing; did its template leave it empty?
    "##);
}

#[test]
fn an_include_that_nobody_read_is_a_problem_unless_left_out() {
    let mut sources = drop_ins(&["include: [{from: ssm:/a}, {from: ssm:/b}]"]);
    sources.without(sources.includes()[0].id);
    let problems = sources.compose().unwrap_err();
    assert_eq!(
        problems.to_string(),
        "0.yaml, line 2, column 27: ssm:/b was not read"
    );
}

#[test]
fn the_launchs_time_is_settled_by_the_last_document_alone() {
    let time = |texts: &[&str]| drop_ins(texts).timeout().map(|time| time.as_secs());
    let include = "include: [{from: \"ssm:/a\"}]";
    assert_eq!(time(&[&format!("timeout: 5m\n{include}")]), Some(300));
    // An include may still say another, and a wrong one is for the decoder to complain of.
    assert_eq!(time(&["timeout: 5m", include]), None);
    assert_eq!(time(&["timeout: 5"]), None);
    assert_eq!(time(&[]), None);
}
