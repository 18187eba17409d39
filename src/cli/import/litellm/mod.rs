//! LiteLLM's `config.yaml` as our settings: `endpoint` and `credential` read pass-through
//! endpoints, `models` the hosts of the model list. All other keys are reported.

mod credential;
mod endpoint;
mod fields;
mod hints;
mod models;
mod provider;

use super::{judge, report::Report, source::Item, texts, yaml::Out};
use crate::config::{Node, SyntaxError};

/// The most nodes of a file: what it says is looked at in many small pieces.
const MOST_NODES: usize = 64 * 1024;
const MASTER_KEY_IS_ADMIN_TOKEN: &str = "is the admin_token now, and no longer a key for \
    callers, who need one (auth: required): make it with `throughway keys create`";

/// Reads the file.
///
/// # Errors
/// It is not YAML, or over the limits of a settings file.
pub fn import(text: &str) -> Result<(Vec<(String, Out)>, Report), SyntaxError> {
    let root = Node::parse_within(text, MOST_NODES)?;
    let mut import = Import::default();
    import.root(&Item::root(&root));
    Ok((import.settings(), import.report))
}

#[derive(Default)]
struct Import {
    admin_token: Option<Out>,
    providers: Vec<(String, Out)>,
    endpoints: Vec<Out>,
    report: Report,
}

impl Import {
    fn root(&mut self, root: &Item<'_>) {
        if root.is_null() {
            return;
        }
        let Some(entries) = root.entries() else {
            return self
                .report
                .skip_at(root.line, "the file", "must be a mapping");
        };
        for (name, item) in entries {
            match name {
                "general_settings" => self.general(&item),
                "model_list" => self.providers = models::read(&item, &mut self.report),
                _ => self.report_each(&item),
            }
        }
    }

    fn general(&mut self, item: &Item<'_>) {
        let Some(entries) = item.entries() else {
            return self.report.skip(item, "must be a mapping");
        };
        let timeout = entries
            .iter()
            .find(|(name, _)| *name == endpoint::TIMEOUT_OF_ALL);
        let timeout = timeout.map(|(_, item)| item.clone());
        for (name, item) in entries {
            match name {
                "master_key" => self.master_key(&item),
                "pass_through_endpoints" => {
                    self.endpoints = endpoint::read(&item, timeout.as_ref(), &mut self.report);
                }
                endpoint::TIMEOUT_OF_ALL => {}
                _ => self.report.skip(&item, hints::of(&item.path)),
            }
        }
    }

    fn master_key(&mut self, item: &Item<'_>) {
        let Some(text) = item.text() else {
            return self.report.skip(item, "must be a text");
        };
        let token = match texts::value(&text) {
            Ok(carried) => Out::secret(carried),
            Err(reason) => return self.report.skip(item, reason),
        };
        match judge::refusal(&Out::one("admin_token", token.clone()).document()) {
            Some(refusal) => self.report.skip(item, refusal.reason),
            None => {
                self.admin_token = Some(token);
                self.report.skip(item, MASTER_KEY_IS_ADMIN_TOKEN);
            }
        }
    }

    /// A section without a counterpart: every key of it by itself, so that none is overlooked.
    fn report_each(&mut self, item: &Item<'_>) {
        match item.entries() {
            Some(entries) if !entries.is_empty() => {
                for (_, item) in entries {
                    self.report.skip(&item, hints::of(&item.path));
                }
            }
            _ => self.report.skip(item, hints::of(&item.path)),
        }
    }

    /// With a master key every request to LiteLLM needs a key, and so it does here.
    fn settings(&mut self) -> Vec<(String, Out)> {
        let mut settings = Vec::new();
        if let Some(token) = self.admin_token.take() {
            settings.push(("admin_token".to_owned(), token));
            settings.push(("auth".to_owned(), Out::text("required")));
        }
        if !self.providers.is_empty() {
            let providers = std::mem::take(&mut self.providers);
            settings.push(("providers".to_owned(), Out::Map(providers)));
        }
        if !self.endpoints.is_empty() {
            let endpoints = std::mem::take(&mut self.endpoints);
            settings.push(("endpoints".to_owned(), Out::List(endpoints)));
        }
        settings
    }
}
