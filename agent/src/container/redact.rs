//! Takes resolved secrets out of text that firstlight did not write.

use firstlight_userdata::{
    resolve::Text,
    spec::{Container, Resolved, Spec},
};
use std::fmt;

/// Knows every secret of a launch. `Debug` shows none.
#[derive(Clone, Default)]
pub struct Redact {
    /// The longest first, so that a secret within another leaves nothing of the longer one.
    secrets: Vec<String>,
}

impl Redact {
    /// What the containers of a spec were given.
    pub fn of(spec: &Spec<Resolved>) -> Redact {
        let services = spec.services.values().map(|service| &service.container);
        let tasks = spec.tasks.values().map(|task| &task.container);
        let mut secrets: Vec<String> = services
            .chain(tasks)
            .flat_map(texts)
            .filter(|text| text.is_secret())
            .flat_map(|text| text.expose().lines())
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Redact { secrets }
    }

    /// The text without them.
    pub fn text(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "<secret>");
        self.secrets.iter().fold(text.to_owned(), hide)
    }
}

fn texts(container: &Container<Resolved>) -> impl Iterator<Item = &Text> {
    let files = container.files.values().map(|file| &file.content);
    container.environment.values().chain(files)
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact").finish_non_exhaustive()
    }
}
