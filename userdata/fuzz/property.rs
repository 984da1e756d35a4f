//! What holds for any bytes, for the fuzzer and for the tests that run the saved inputs.

use firstlight_userdata::sources::Sources;

/// Bytes as an instance's user data, and as whatever it includes.
pub fn user_data(bytes: &[u8]) {
    let mut sources = Sources::default();
    sources.user_data("user data", bytes);
    for include in sources.includes() {
        sources.included(include.id, bytes);
    }
    compose(sources);
}

/// Bytes as a file, and over themselves.
pub fn document(bytes: &[u8]) {
    let mut sources = Sources::default();
    sources.drop_in("10.yaml", bytes);
    sources.drop_in("20.yaml", bytes);
    for include in sources.includes() {
        sources.without(include.id);
    }
    compose(sources);
}

/// A spec whose document reads back as the same, or problems that can be shown.
fn compose(sources: Sources) {
    let effective = sources.effective();
    match sources.compose() {
        Ok(spec) => {
            assert!(!spec.document.contains('\n'), "one line: {}", spec.document);
            let mut again = Sources::default();
            again.drop_in("recorded", spec.document.as_bytes());
            let placed = spec.order().waves().concat().len();
            assert_eq!(placed, spec.names().count(), "each is in one wave");
            let values = |said: Vec<_>| said.into_iter().map(path_and_value).collect::<Vec<_>>();
            assert_eq!(values(again.effective()), values(effective));
            match again.compose() {
                Ok(again) => assert_eq!(without_spans(&again), without_spans(&spec)),
                Err(problems) => panic!(
                    "the document does not read back: {problems}\n{}",
                    spec.document
                ),
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(!problems.draw(false).is_empty());
            assert_eq!(problems.reports().len(), problems.0.len());
        }
    }
}

fn path_and_value(said: firstlight_userdata::sources::Said) -> (String, String) {
    (said.path, said.value)
}

/// Everything of a spec but where it was written.
fn without_spans(spec: &impl std::fmt::Debug) -> String {
    let whole = format!("{spec:?}");
    let mut kept = String::new();
    let mut rest = whole.as_str();
    while let Some((before, span)) = rest.split_once("Span { ") {
        kept.push_str(before);
        rest = after_brace(span);
    }
    kept + rest
}

/// What follows the brace that closes this, skipping what stands in quotes.
fn after_brace(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}
