//! What launch templates hold, and what goes wrong in them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod bounds;

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::io::Write;

const SPEC: &str = "firstlight: 1\nservices: {web: {image: web}}\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let digits = STANDARD.encode(bytes);
    let lines: Vec<_> = digits
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("{}\n", lines.join("\n")).into_bytes()
}

/// A part of type `text/firstlight` in a multipart, with more headers.
fn mime(headers: &str, content: &[u8]) -> Vec<u8> {
    let mut body =
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==x==\"\n\n--==x==\n"
            .to_vec();
    body.extend_from_slice(format!("Content-Type: text/firstlight\n{headers}\n").as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\n--==x==--\n");
    body
}

/// Names and texts of the documents.
fn good(bytes: &[u8]) -> Vec<(String, String)> {
    let mut problems = Diagnostics::default();
    let documents = open("user data", bytes, &mut problems);
    assert!(
        problems.is_empty(),
        "{}: {problems}",
        String::from_utf8_lossy(bytes)
    );
    documents
        .unwrap()
        .iter()
        .map(|source| (source.name.clone(), source.text.clone()))
        .collect()
}

fn bad(bytes: &[u8]) -> String {
    let mut problems = Diagnostics::default();
    assert_eq!(
        open("user data", bytes, &mut problems),
        Err(Broken),
        "{}",
        String::from_utf8_lossy(bytes)
    );
    assert!(!problems.is_empty());
    problems.to_string()
}

#[test]
fn a_whole_body_is_a_document_however_it_is_packed() {
    let plain = SPEC.as_bytes();
    for packed in [
        plain.to_vec(),
        gzip(plain),
        base64(plain),
        base64(&gzip(plain)),
        gzip(&base64(plain)),
        base64(&gzip(&base64(&gzip(plain)))),
        [
            &gzip(b"firstlight: 1\n")[..],
            &gzip(b"services: {web: {image: web}}\n"),
        ]
        .concat(),
        base64(plain).strip_suffix(b"\n").unwrap().to_vec(),
    ] {
        assert_eq!(good(&packed), [("user data".to_owned(), SPEC.to_owned())]);
    }
    assert_eq!(
        good(b"\xef\xbb\xbffirstlight: 1\r\n")[0].1,
        "firstlight: 1\r\n"
    );
}

#[test]
fn what_is_cloud_inits_holds_no_document() {
    for body in [
        "",
        " \n\n",
        "#!/bin/sh\ncat >/etc/firstlight/launch.d/x.yaml <<E\nfirstlight: 1\nE\n",
        "#cloud-config\npackages: [firstlight]\n",
        "\n#Cloud-Config\nruncmd: [x]\n",
        "#include\nhttps://example.com/x\n",
        "#include-once\nhttps://example.com/x\n",
        "#cloud-boothook\n#!/bin/sh\n",
        "#part-handler\nimport x\n",
        "#upstart-job\nx\n",
        "## template: jinja\n#cloud-config\nx: {{ v1.region }}\n",
        "#cloud-config-archive\n- {type: text/cloud-config, content: 'packages: [x]'}\n",
        "#cloud-config\nwrite_files:\n- path: /etc/firstlight/launch.d/x.yaml\n  content: |\n    firstlight: 1\n",
    ] {
        assert_eq!(good(body.as_bytes()), [], "{body:?}");
        assert_eq!(good(&gzip(body.as_bytes())), [], "{body:?}");
    }
}

#[test]
fn parts_are_documents_in_order() {
    let body = "From nobody Sat Nov 21 00:00:00 2026\r\n\
        Content-Type: MULTIPART/Mixed;\r\n\tboundary=outer\r\nMIME-Version: 1.0\r\n\r\npreamble\r\n\
        --outer\r\nContent-Type: text/x-shellscript; charset=\"us-ascii\"\r\n\r\n#!/bin/sh\r\necho hi\r\n\
        --outer\r\ncontent-type: multipart/mixed; boundary=\"in ner\"\r\n\r\n\
        --in ner\r\nContent-Type: text/firstlight; charset=\"UTF-8\"; name=\"b.yaml\"\r\n\r\nfirstlight: 1\r\n\
        --in ner\r\nContent-Type: text/firstlight\r\nContent-Disposition: attachment; filename=\"a\\\"b.yaml\"\r\n\r\nx: 2\r\n\
        --in ner--  \r\nepilogue\r\n\
        --outer\r\n\r\nno headers\r\n\
        --outer\r\nContent-Type: text/firstlight\r\n\r\n\r\n--outer--";
    let wanted = [
        ("user data, part 2 (b.yaml)", "firstlight: 1"),
        ("user data, part 3 (a\"b.yaml)", "x: 2"),
        ("user data, part 5", ""),
    ];
    for body in [body.to_owned(), body.replace("\r\n", "\n")] {
        let found = good(body.as_bytes());
        assert_eq!(
            found
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect::<Vec<_>>(),
            wanted
        );
        assert_eq!(good(&gzip(body.as_bytes())), found);
        assert_eq!(good(&base64(body.as_bytes())), found);
    }
}

#[test]
fn a_message_may_be_one_part() {
    let body = format!("MIME-Version: 1.0\nContent-Type: text/firstlight\n\n{SPEC}");
    assert_eq!(
        good(body.as_bytes()),
        [("user data, part 1".to_owned(), SPEC.to_owned())]
    );
}

#[test]
fn parts_are_decoded_and_unpacked() {
    let plain = SPEC.as_bytes();
    let quoted = SPEC
        .replace('=', "=3D")
        .replace("services", "ser=\nvi=63es");
    for (headers, content) in [
        ("", plain.to_vec()),
        ("Content-Transfer-Encoding: 7bit\n", plain.to_vec()),
        ("content-transfer-encoding: 8BIT\n", plain.to_vec()),
        ("Content-Transfer-Encoding: binary\n", gzip(plain)),
        ("Content-Transfer-Encoding: base64\n", base64(plain)),
        ("Content-Transfer-Encoding: base64\n", base64(&gzip(plain))),
        (
            "Content-Transfer-Encoding: base64\n",
            base64(&base64(plain)),
        ),
        (
            "Content-Transfer-Encoding:\n base64\n",
            base64(&gzip(&base64(plain))),
        ),
        (
            "Content-Transfer-Encoding: quoted-printable\n",
            quoted.into_bytes(),
        ),
        ("", base64(plain)),
    ] {
        let found = good(&mime(headers, &content));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.trim(), SPEC.trim(), "{headers}");
    }
}

#[test]
fn malformed_envelopes_name_their_place() {
    let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
    let text = |text: &str| text.as_bytes().to_vec();
    let part = |part: &str| format!("{head}--b\n{part}\n--b--\n").into_bytes();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("no spec", text("hello\n")),
        ("another program's", text("{\"role\": \"web\"}\n")),
        (
            "no boundary",
            text("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--b\n"),
        ),
        (
            "boundary never comes",
            text(&format!("{head}--c\n\nx\n--c--\n")),
        ),
        (
            "no closing boundary",
            text(&format!(
                "{head}--b\nContent-Type: text/firstlight\n\nfirstlight: 1\n"
            )),
        ),
        (
            "closed too early",
            text(&format!(
                "{head}--b\n\nx\n--b--\n--b\nContent-Type: text/firstlight\n\n{SPEC}\n--b--\n"
            )),
        ),
        (
            "no empty line, script",
            part("Content-Type: text/x-shellscript\n#!/bin/sh\n"),
        ),
        (
            "no empty line, spec",
            part("Content-Type: text/firstlight\nfirstlight: 1\nservices:\n  web: {image: x}\n"),
        ),
        (
            "blank but not empty line",
            part("Content-Type: text/firstlight\n  \nfirstlight: 1\n"),
        ),
        ("headers only", part("Content-Type: text/firstlight")),
        (
            "no version",
            text("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"),
        ),
        (
            "late version",
            text(&format!(
                "X-A: {}\n{head}--b\n\nx\n--b--\n",
                "x".repeat(5000)
            )),
        ),
        (
            "blank lines first",
            text(&format!("\n\n{head}--b\n\nx\n--b--\n")),
        ),
        (
            "indented",
            text("  MIME-Version: 1.0\n  Content-Type: multipart/mixed; boundary=b\n\n  --b\n"),
        ),
        (
            "unknown encoding",
            part("Content-Type: text/firstlight\nContent-Transfer-Encoding: uuencode\n\nx\n"),
        ),
        (
            "bad base64",
            part(
                "Content-Type: text/firstlight\nContent-Transfer-Encoding: base64\n\nZmly\nc3*s\n",
            ),
        ),
        (
            "base64 cut short",
            part("Content-Type: text/firstlight\nContent-Transfer-Encoding: base64\n\nZmlyc\n"),
        ),
        (
            "base64 after its end",
            part(
                "Content-Type: text/firstlight\nContent-Transfer-Encoding: base64\n\nZg==\nZg==\n",
            ),
        ),
        (
            "bad quoted-printable",
            part(
                "Content-Type: text/firstlight\nContent-Transfer-Encoding: quoted-printable\n\na=b\n",
            ),
        ),
        (
            "character set",
            part("Content-Type: text/firstlight; charset=utf-16\n\nfirstlight: 1 # ä\n"),
        ),
        (
            "wrong type",
            part("Content-Type: application/x-firstlight\n\nfirstlight: 1\n"),
        ),
        (
            "stray in text",
            part("Content-Type: text/cloud-config\n\nfirstlight: 1\n"),
        ),
        (
            "stray in base64",
            part(
                "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nZmlyc3RsaWdodDogMQo=\n",
            ),
        ),
        (
            "stray in JSON",
            part("Content-Type: text/plain\n\n{ \"services\": {}, \"firstlight\": 1}\n"),
        ),
        (
            "stray in cloud-config",
            text("#cloud-config\npackages: [x]\nfirstlight: 1\n"),
        ),
        (
            "stray in archive",
            text(
                "#cloud-config-archive\n- type: text/plain\n  content: |\n    firstlight: 1\n- 'echo'\n",
            ),
        ),
        (
            "base64 body",
            text("Zmlyc3RsaWdodDogMQpz\nZXJ2aWNlczoge3dlYjoge2ltYWdl-iB3ZWJ9fQo=\n"),
        ),
        ("gzip cut short", gzip(SPEC.as_bytes())[..30].to_vec()),
        ("gzip damaged", [&[0x1f, 0x8b, 9][..], &[0; 20]].concat()),
        (
            "too deep",
            base64(&base64(&base64(&base64(&base64(SPEC.as_bytes()))))),
        ),
        ("not UTF-8", b"firstlight: 1\nx: \xff\n".to_vec()),
    ];
    let said: Vec<_> = bodies
        .iter()
        .map(|(name, body)| format!("{name}: {}", bad(body)))
        .collect();
    assert_snapshot!(said.join("\n"), @r##"
    no spec: user data, line 1, column 1: this is not a firstlight document; user data is a YAML document with `firstlight: 1` at its top level, a MIME message with `text/firstlight` parts, or has a cloud-init header (`#!`, `#cloud-config`, …)
    another program's: user data, line 1, column 1: this is not a firstlight document; user data is a YAML document with `firstlight: 1` at its top level, a MIME message with `text/firstlight` parts, or has a cloud-init header (`#!`, `#cloud-config`, …)
    no boundary: user data, line 2, column 1: this multipart has no boundary; write `Content-Type: multipart/mixed; boundary="BOUNDARY"`
    boundary never comes: user data, line 2, column 1: the boundary `b` never comes; a part begins with `--b`
    no closing boundary: user data, line 7, column 1: the boundary `b` is not closed; end with `--b--`; was this cut short?
    closed too early: user data, line 8, column 1: the boundary was closed before this; only the last one is `--b--`
    no empty line, script: user data, line 6, column 1: `#!/bin/sh` is not a MIME header; headers end with an empty line
    no empty line, spec: user data, line 6, column 1: `firstlight: 1` is not a MIME header; headers end with an empty line
    blank but not empty line: user data, line 6, column 1: this line holds blanks and does not end the headers; headers end with an empty line
    headers only: user data, line 5, column 1: the headers of this part do not end; headers end with an empty line
    no version: user data, line 1, column 1: `MIME-Version: 1.0` is missing from the first 4096 bytes; without it cloud-init does not read this as MIME; put it first
    late version: user data, line 1, column 1: `MIME-Version: 1.0` is missing from the first 4096 bytes; without it cloud-init does not read this as MIME; put it first
    blank lines first: user data, line 3, column 1: blanks stand before the first MIME header; begin user data with `MIME-Version: 1.0`, without empty lines or indentation
    indented: user data, line 1, column 3: blanks stand before the first MIME header; begin user data with `MIME-Version: 1.0`, without empty lines or indentation
    unknown encoding: user data, line 6, column 1: unknown transfer encoding `uuencode`; it may be 7bit, 8bit, binary, base64 or quoted-printable
    bad base64: user data, line 9, column 3: `*` is not a base64 digit
    base64 cut short: user data, line 8, column 5: the base64 data is cut short; was it copied whole?
    base64 after its end: user data, line 8, column 3: base64 goes on after its end here
    bad quoted-printable: user data, line 8, column 2: `=` without two hexadecimal digits in quoted-printable; write `=3D` for `=`
    character set: user data, line 5, column 1: the character set `utf-16` is not read; write the part in UTF-8, and `charset="utf-8"`
    wrong type: user data, line 5, column 1: firstlight does not read the type `application/x-firstlight`; a document's type is `text/firstlight`
    stray in text: user data, line 5, column 1: a firstlight document stands in a part of type `text/cloud-config`, which firstlight does not read; give the part the type `text/firstlight`
    stray in base64: user data, line 5, column 1: a firstlight document stands in a part of type `text/plain`, which firstlight does not read; give the part the type `text/firstlight`
    stray in JSON: user data, line 5, column 1: a firstlight document stands in a part of type `text/plain`, which firstlight does not read; give the part the type `text/firstlight`
    stray in cloud-config: user data, line 3, column 1: a firstlight document stands in a `#cloud-config` body, which firstlight does not read; send it as a MIME part of type `text/firstlight`, or let cloud-config's `write_files` put it into /etc/firstlight/launch.d
    stray in archive: user data, line 4, column 5: a firstlight document stands in a `#cloud-config-archive` body, which firstlight does not read; send it as a MIME part of type `text/firstlight`, or let cloud-config's `write_files` put it into /etc/firstlight/launch.d
    base64 body: user data, line 2, column 29: `-` is not a base64 digit
    gzip cut short: user data, line 1, column 1: the gzip data is cut short; EC2 takes 16,384 bytes of user data
    gzip damaged: user data, line 1, column 1: the gzip data is damaged: invalid gzip header
    too deep: user data, line 1, column 1: gzip and base64 are more than 4 deep
    not UTF-8: user data, line 2, column 4: byte 17 (0xff) is not UTF-8; save it as UTF-8
    "##);
}
