//! A command line as its words, for the error that shows a string as the list it should be.

/// Splits as a shell would, minding quotes and backslashes; nothing is expanded.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A command line as the YAML list it should be: `["serve", "-p", "80"]`.
pub(crate) fn as_list(line: &str) -> String {
    let words: Vec<String> = split(line)
        .iter()
        .map(|word| serde_json::Value::from(word.as_str()).to_string())
        .collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell_would() {
        for (line, list) in [
            ("serve -p 80", r#"["serve", "-p", "80"]"#),
            ("  sh -c 'a \"b\"; c'  ", r#"["sh", "-c", "a \"b\"; c"]"#),
            (r#"echo "a b" c\ d ''"#, r#"["echo", "a b", "c d", ""]"#),
            ("", "[]"),
            ("open 'quote", r#"["open", "quote"]"#),
        ] {
            assert_eq!(as_list(line), list);
        }
    }
}
