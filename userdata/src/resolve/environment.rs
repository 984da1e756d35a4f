//! `environment_from`: whole sets of variables, fetched and named.

use super::{Answer, Text, fill::Filler, json};
use crate::{diagnostic::Diagnostic, reference::Target, spec::EnvironmentFrom, value::name};
use std::collections::{BTreeMap, btree_map::Entry};

/// One variable of a set.
struct Variable {
    /// What it is called at its source, in full: for errors.
    origin: String,
    /// What its name is made of.
    key: String,
    text: Text,
}

impl Filler<'_> {
    /// The variables of every set. `own` are those of `environment`, which beat them.
    pub(super) fn environment_from(
        &mut self,
        sets: &[EnvironmentFrom],
        own: &BTreeMap<String, Text>,
    ) -> BTreeMap<String, Text> {
        let mut all: BTreeMap<String, Variable> = BTreeMap::new();
        for set in sets {
            for variable in self.variables(set) {
                let name = variable_name(set, &variable.key);
                if own.contains_key(&name) {
                    continue;
                }
                if let Err(complaint) = name::variable(&name) {
                    self.problems.push(Diagnostic::at(
                        &set.span,
                        format!("`{}`: {}", variable.origin, complaint.what),
                    ));
                    continue;
                }
                self.check_variable(&name, &variable.text, &set.span);
                match all.entry(name) {
                    Entry::Vacant(place) => {
                        place.insert(variable);
                    }
                    Entry::Occupied(first) => {
                        let both = format!(
                            "`{}` and `{}` both give `{}`",
                            first.get().origin,
                            variable.origin,
                            first.key()
                        );
                        let hint = "give one a `prefix`, or set the variable in `environment`, which beats both";
                        self.problems
                            .push(Diagnostic::at(&set.span, both).hint(hint));
                    }
                }
            }
        }
        all.into_iter()
            .map(|(name, variable)| (name, variable.text))
            .collect()
    }

    fn variables(&mut self, set: &EnvironmentFrom) -> Vec<Variable> {
        let target = &set.from;
        match self.answer(target, &set.span) {
            None => Vec::new(),
            Some(Answer::Path(entries)) => {
                if entries.is_empty() {
                    let nothing = Diagnostic::at(
                        &set.span,
                        format!("there is no parameter under `{target}`"),
                    );
                    self.problems
                        .push(nothing.hint("put one there, or leave the line out"));
                }
                let path = match target {
                    Target::SsmPath(path) => path.as_str(),
                    Target::Ssm { .. } | Target::Secret(_) | Target::Imds(_) => "",
                };
                let variable = |(name, fetched): &(String, super::Fetched)| Variable {
                    origin: format!("ssm:{name}"),
                    key: name.strip_prefix(path).unwrap_or(name).to_owned(),
                    text: fetched.text(fetched.value.clone()),
                };
                entries.iter().map(variable).collect()
            }
            Some(Answer::One(fetched)) => match json::members(&fetched.value) {
                Ok(members) => members
                    .into_iter()
                    .map(|(key, value)| Variable {
                        origin: format!("{target}#{key}"),
                        key,
                        text: fetched.text(value),
                    })
                    .collect(),
                Err(what) => {
                    let problem = Diagnostic::at(&set.span, format!("`{target}` {what}"));
                    let path = matches!(target, Target::Ssm { .. });
                    let hint = if path {
                        "every parameter under a path is named with `/` at its end"
                    } else {
                        "every member of a JSON object becomes a variable"
                    };
                    self.problems.push(problem.hint(hint));
                    Vec::new()
                }
            },
        }
    }
}

/// `a/b-c.d` is `a_b_c_d`, behind the prefix; case is kept unless `upper` says otherwise.
fn variable_name(set: &EnvironmentFrom, key: &str) -> String {
    let name = format!("{}{}", set.prefix, key.replace(['/', '-', '.'], "_"));
    if set.upper {
        name.to_ascii_uppercase()
    } else {
        name
    }
}
