//! Real input, and input that nobody should write.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use super::{
    Kind, Node,
    build::{Broken, Budget, build},
    text,
};
use crate::diagnostic::{Diagnostics, Source};
use insta::assert_snapshot;

fn read(text: &str) -> (Result<Option<Node>, Broken>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let node = build(
        &Source::new("web.yaml", text),
        &mut Budget::default(),
        &mut problems,
    );
    (node, problems)
}

/// A tree as one line: plain scalars bare, others in quotes.
fn show(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, plain: true } => text.clone(),
        Kind::Scalar { text, plain: false } => format!("{text:?}"),
        Kind::Null => "NULL".to_owned(),
        Kind::Empty => "EMPTY".to_owned(),
        Kind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Kind::Map(entries) => {
            let shown: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}={}", key.text, show(value)))
                .collect();
            format!("{{{}}}", shown.join(" "))
        }
    }
}

fn good(text: &str) -> String {
    let (node, problems) = read(text);
    assert!(problems.is_empty(), "{text:?}: {problems}");
    node.unwrap()
        .map_or("NOTHING".to_owned(), |node| show(&node))
}

fn bad(text: &str) -> String {
    let (_, problems) = read(text);
    problems.draw(false)
}

#[test]
fn reads_what_people_write() {
    for (text, wanted) in [
        ("", "NOTHING"),
        ("# only a comment\n", "NOTHING"),
        ("a: 1.10\nb: yes\nc: 0123\n", "{a=1.10 b=yes c=0123}"),
        (
            "a: 'x'\nb: \"y\\n\"\nc: |\n  z\n",
            "{a=\"x\" b=\"y\\n\" c=\"z\\n\"}",
        ),
        (
            "a: null\nb: ~\nc:\nd: ''\n",
            "{a=NULL b=NULL c=EMPTY d=\"\"}",
        ),
        (
            "{\"a\": [1, true, null], \"b\": {}}",
            "{a=[1 true NULL] b={}}",
        ),
        ("a: b\r\nc: |\r\n  d\r\n  e\r\n", "{a=b c=\"d\\ne\\n\"}"),
        ("---\na: b\n...\n", "{a=b}"),
        ("a: &x {b: 1}\nc: *x\n", "{a={b=1} c={b=1}}"),
        ("k: &k name\n*k : v\n", "{k=name name=v}"),
        (
            "x: &x {b: 1, c: 2}\ny: {c: 3, <<: *x}\n",
            "{x={b=1 c=2} y={c=3 b=1}}",
        ),
        (
            "x: &x {b: 1}\nz: &z {b: 2, d: 4}\ny: {<<: [*x, *z]}\n",
            "{x={b=1} z={b=2 d=4} y={b=1 d=4}}",
        ),
        ("y: {\"<<\": 1}\n", "{y={<<=1}}"),
        (
            "a: !!str 5\nb: !!int '5'\nc: !!map {}\nd: !!null ''\n",
            "{a=\"5\" b=5 c={} d=NULL}",
        ),
        (
            "image: web:{{ssm:/web/version:42}}\n",
            "{image=web:{{ssm:/web/version:42}}}",
        ),
        ("a: \"{{ssm:/x}}\"\n", "{a=\"{{ssm:/x}}\"}"),
        ("null: 1\n1.0: 2\n", "{null=1 1.0=2}"),
    ] {
        assert_eq!(good(text), wanted, "{text:?}");
    }
}

#[test]
fn spans_are_bytes_of_the_source() {
    let text = "ä: ö\nb: [1, {c: \"ü\"}]\n\n# end\nd: |\n  x\n";
    let (node, _) = read(text);
    let Kind::Map(entries) = node.unwrap().unwrap().kind else {
        panic!("a map")
    };
    let texts: Vec<_> = entries
        .iter()
        .flat_map(|(key, value)| [key.span.text(), value.span.text()])
        .collect();
    assert_eq!(&texts[..5], ["ä", "ö", "b", "[1, {c: \"ü\"}]", "d"]);
    assert!(texts[5].contains('x'), "{texts:?}");
}

#[test]
fn problems_name_their_place_and_a_way_out() {
    let texts = [
        "a: 1\nb: {c: 1}\na: 2\n",
        "services:\n  web:\n\timage: x\n",
        "a: {{ssm:/x}}\nb: 1\nb: 2\n",
        "a: {{ssm:/x}}:3\n",
        "a: {image: web:{{ssm:/x}}}\n",
        "a: !Sub 'x-${y}'\nb: !binary aGk=\n",
        "[a, b]: c\n",
        ": c\n",
        "a: 1\n---\nb: 2\n",
        "a: *gone\n",
        "a: &a [*a]\n",
        "a: {<<: 5}\n",
        "a: 'x\n",
        "a: b: c\n",
        "a: [b\nc: d\n",
        "a:\n  b: 1\n c: 2\n",
        "a:1\nb: 2\n",
    ];
    let said: Vec<_> = texts
        .iter()
        .map(|text| format!("{text:?}\n{}\n", read(text).1))
        .collect();
    assert_snapshot!(said.join("\n"), @r##"
    "a: 1\nb: {c: 1}\na: 2\n"
    web.yaml, line 3, column 1: duplicate key `a`; it stands at line 1, column 1 already

    "services:\n  web:\n\timage: x\n"
    web.yaml, line 3, column 2: not valid YAML: tabs disallowed within this context (block indentation); YAML does not take tabs here: indent with spaces

    "a: {{ssm:/x}}\nb: 1\nb: 2\n"
    web.yaml, line 1, column 4: a value that begins with `{{` must be quoted; write `"{{ssm:/x}}"`
    web.yaml, line 3, column 1: duplicate key `b`; it stands at line 2, column 1 already

    "a: {{ssm:/x}}:3\n"
    web.yaml, line 1, column 4: a value that begins with `{{` must be quoted; write `"{{ssm:/x}}"`
    web.yaml, line 1, column 14: not valid YAML: while parsing a block mapping, did not find expected key; quote a value that begins with `{{`, and one that holds `{{` inside `{…}` or `[…]`: "{{…}}"

    "a: {image: web:{{ssm:/x}}}\n"
    web.yaml, line 1, column 15: not valid YAML: ':' may not precede any of `[{` in flow mapping; quote a value that begins with `{{`, and one that holds `{{` inside `{…}` or `[…]`: "{{…}}"

    "a: !Sub 'x-${y}'\nb: !binary aGk=\n"
    web.yaml, line 1, column 9: the tag `!Sub` is not taken here; CloudFormation has to replace it before this is user data: `Fn::Base64: !Sub |`
    web.yaml, line 2, column 12: the tag `!binary` is not taken here; in `files`, base64 is written with `encoding: base64`

    "[a, b]: c\n"
    web.yaml, line 1, column 1: a key must be text, not a list

    ": c\n"
    web.yaml, line 1, column 1: there is no key before this `:`

    "a: 1\n---\nb: 2\n"
    web.yaml, line 2, column 1: a second document begins here; a source holds one document; give the other its own file or MIME part

    "a: *gone\n"
    web.yaml, line 1, column 4: not valid YAML: while parsing node, found unknown anchor; quote a value that begins with `*`

    "a: &a [*a]\n"
    web.yaml, line 1, column 8: `*a` stands inside what it repeats

    "a: {<<: 5}\n"
    web.yaml, line 1, column 9: `<<` takes a map or a list of maps, and this is a single value

    "a: 'x\n"
    web.yaml, line 2, column 1: not valid YAML: invalid indentation in multiline quoted scalar; is a quote not closed?

    "a: b: c\n"
    web.yaml, line 1, column 5: not valid YAML: mapping values are not allowed in this context; is a space missing after a `:` before? a value that holds `: ` must be quoted

    "a: [b\nc: d\n"
    web.yaml, line 2, column 2: not valid YAML: illegal placement of ':' indicator; is a bracket not closed?

    "a:\n  b: 1\n c: 2\n"
    web.yaml, line 3, column 2: not valid YAML: while parsing a block mapping, did not find expected key; is the line indented as its neighbours are, and is there a space after the `:`?

    "a:1\nb: 2\n"
    web.yaml, line 2, column 2: not valid YAML: mapping values are not allowed in this context; is a space missing after a `:` before? a value that holds `: ` must be quoted
    "##);
}

#[test]
fn alias_bombs_stop_at_the_budget() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(bad(&bomb).contains("hold too much"), "{}", bad(&bomb));
    let text = format!(
        "a: &a \"{}\"\nb: [{}]\n",
        "x".repeat(100_000),
        "*a, ".repeat(100)
    );
    assert!(bad(&text).contains("hold too much"), "{}", bad(&text));
}

#[test]
fn depth_is_bounded_through_aliases_too() {
    assert_eq!(
        read(&format!("{}{}", "[".repeat(60), "]".repeat(60))).1,
        Diagnostics::default()
    );
    for deep in [
        format!("{}{}", "[".repeat(70), "]".repeat(70)),
        "[".repeat(5000),
        "- ".repeat(70),
        format!(
            "a: &a {}{}\nb: {}*a{}\n",
            "[".repeat(40),
            "]".repeat(40),
            "[".repeat(40),
            "]".repeat(40)
        ),
    ] {
        let (node, problems) = read(&deep);
        assert_eq!(node, Err(Broken));
        assert!(!problems.is_empty());
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    for (bytes, wanted) in [
        (&b"a: b\xff\n"[..], "byte 4 (0xff) is not UTF-8"),
        (b"\xef\xbb\xbfa: \xc3(\n", "byte 3 (0xc3) is not UTF-8"),
        (b"\xff\xfea\0", "this text is UTF-16"),
        (
            b"a: b\0c\n",
            "control character U+0000 is not allowed in YAML",
        ),
    ] {
        let mut problems = Diagnostics::default();
        assert_eq!(text::read("x", bytes, &mut problems), None);
        assert_eq!(problems.0[0].message, wanted);
    }
    let source = text::read(
        "x",
        b"\xef\xbb\xbfa: \xc3\xa4\n",
        &mut Diagnostics::default(),
    )
    .unwrap();
    assert_eq!(source.text, "a: ä\n");
    assert_eq!(
        text::read(
            "x",
            &vec![b'x'; text::LIMIT + 1],
            &mut Diagnostics::default()
        ),
        None
    );
}
