//! How much is read at most, and that no bytes do more than that.

use super::*;

#[test]
fn the_bound_holds_over_all_layers_and_parts() {
    let bomb = gzip(&vec![b'x'; LIMIT + 1]);
    assert!(bad(&bomb).contains("more than 1048576 bytes"));
    assert!(bad(&gzip(&bomb)).contains("more than 1048576 bytes"));
    assert!(bad(&vec![b'#'; LIMIT + 1]).contains("more than 1048576 bytes"));
    let half = base64(&gzip(&vec![b'#'; LIMIT / 2]));
    let part = [b"--b\nContent-Type: text/firstlight\n\n".to_vec(), half].concat();
    let head = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n".to_vec();
    let two = [head, part.repeat(3), b"--b--\n".to_vec()].concat();
    assert!(bad(&two).contains("more than 1048576 bytes"));
}

/// A JSON text with a document in it, which only its tree shows.
fn stray_json(length: usize) -> Vec<u8> {
    let filler = "x".repeat(length);
    format!("{{ \"filler\": \"{filler}\", \"firstlight\": 1}}\n").into_bytes()
}

#[test]
fn what_other_parts_pack_is_unpacked_only_so_far_in_all() {
    let mut look = foreign::Look::default();
    let (small, large) = (gzip(&stray_json(9)), gzip(&vec![b'#'; 2 * LIMIT]));
    let whole = look.room;
    assert!(look.stray_in_part(&stray_json(9)));
    assert_eq!(look.room, whole, "nothing was packed");
    assert!(look.stray_in_part(&small));
    assert_eq!(look.room, whole - stray_json(9).len());
    for _ in 0..9 {
        assert!(!look.stray_in_part(&large));
    }
    assert_eq!(look.room, 0, "what does not fit is paid for too");
    assert!(!look.stray_in_part(&small), "nothing is unpacked any more");
    assert!(look.stray_in_part(&stray_json(9)), "and the rest is read");
}

#[test]
fn the_trees_of_other_parts_take_only_so_much_in_all() {
    let many = format!("{{ \"firstlight\": 1, \"x\": [{}]}}", "1, ".repeat(50_000));
    let mut look = foreign::Look::default();
    let found: Vec<bool> = (0..4)
        .map(|_| look.stray_in_part(many.as_bytes()))
        .collect();
    assert_eq!(found, [true, true, false, false]);
}

#[test]
fn a_message_has_only_so_many_parts() {
    let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
    let parts = |many: usize| format!("{head}{}--b--\n", "--b\n\nx\n".repeat(many));
    assert_eq!(good(parts(256).as_bytes()), []);
    assert!(bad(parts(257).as_bytes()).contains("more than 256 parts"));
}

#[test]
fn multiparts_nest_only_so_deep() {
    let mut body = b"x".to_vec();
    for level in 0..12 {
        let head = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        );
        body = [
            head.as_bytes(),
            &body,
            format!("\n--b{level}--\n").as_bytes(),
        ]
        .concat();
    }
    assert!(bad(&body).contains("more than 8 deep"));
}

proptest! {
    #[test]
    fn no_bytes_panic_or_exceed_the_bound(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        check(&bytes);
        check(&gzip(&bytes));
        check(&mime("", &bytes));
        check(&mime("Content-Transfer-Encoding: base64\n", &bytes));
        check(&mime("Content-Transfer-Encoding: quoted-printable\n", &bytes));
    }

    #[test]
    fn no_message_panics(body in "(MIME-Version: 1.0\n|Content-Type: (multipart/mixed; boundary=\"?b\"?|text/firstlight)\n|\n|--b\n|--b--\n|firstlight: 1\n| |\t|\r\n|=|é|x){0,40}") {
        check(body.as_bytes());
        check(format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{body}").as_bytes());
    }

    #[test]
    fn any_text_comes_out_as_it_went_in(text in "[a-zé:{}=\n ]{0,300}", encoding in 0..4) {
        let text = format!("firstlight: 1\n{text}");
        let (header, content) = match encoding {
            0 => ("", text.clone().into_bytes()),
            1 => ("Content-Transfer-Encoding: base64\n", base64(text.as_bytes())),
            2 => ("Content-Transfer-Encoding: base64\n", base64(&gzip(text.as_bytes()))),
            _ => ("", gzip(&base64(text.as_bytes()))),
        };
        prop_assert_eq!(&good(&mime(header, &content))[0].1, &text);
    }
}

fn check(bytes: &[u8]) {
    let mut problems = Diagnostics::default();
    match open("user data", bytes, &mut problems) {
        Ok(documents) => {
            assert!(problems.is_empty());
            assert!(
                documents
                    .iter()
                    .map(|source| source.text.len())
                    .sum::<usize>()
                    <= LIMIT
            );
        }
        Err(Broken) => {
            assert!(!problems.is_empty());
            assert!(!problems.draw(false).is_empty());
        }
    }
}
