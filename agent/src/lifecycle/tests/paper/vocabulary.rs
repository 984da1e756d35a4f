//! The machine's words, as its source explains them.

/// An event or an effect.
pub(super) struct Word<'a> {
    pub(super) name: &'a str,
    /// Its documentation.
    says: String,
}

/// The variants of an enum in this source, which is formatted.
pub(super) fn of<'a>(source: &'a str, name: &str) -> Vec<Word<'a>> {
    let (_, from) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = from.split_once("\n}").unwrap();
    let mut words = vec![];
    let mut says: Vec<&str> = vec![];
    for line in body.lines().filter_map(|line| line.strip_prefix("    ")) {
        if let Some(doc) = line.strip_prefix("/// ") {
            says.push(doc);
        } else if line.starts_with(|first: char| first.is_ascii_uppercase()) {
            let end = line.find(|letter: char| !letter.is_alphanumeric());
            words.push(Word {
                name: &line[..end.unwrap_or(line.len())],
                says: says.join(" ").replace(['[', ']'], ""),
            });
            says.clear();
        }
    }
    words
}

/// A table of them.
pub(super) fn write(source: &str, name: &str) -> String {
    let heading = name.to_lowercase();
    let mut text = format!("## {name}s\n\n| {heading} | |\n| --- | --- |\n");
    for Word { name, says } in of(source, name) {
        text += &format!("| `{name}` | {says} |\n");
    }
    text + "\n"
}
