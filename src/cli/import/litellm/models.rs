//! The hosts and keys of LiteLLM's `model_list` as our `providers`. What LiteLLM keeps for each
//! model, we keep for each pair of host and key; models are named by the callers.

use std::collections::HashMap;

use super::{
    hints,
    provider::{self, Host},
};
use crate::cli::import::{
    judge,
    report::Report,
    source::Item,
    texts::{self, Carried},
    yaml::Out,
};
use crate::route::catalogue::{CatalogueEntry, KeyVariables};

const NO_KEY: &str = "has no api_key: callers bring their own, where LiteLLM may have found one in \
                      the environment";

/// What tells one provider from another.
#[derive(PartialEq, Eq, Hash)]
struct Upstream {
    /// The name in the catalogue.
    kind: &'static str,
    host: Option<String>,
    key: Option<Carried>,
}

/// The providers so far, by what tells them apart.
#[derive(Default)]
struct Providers {
    names: HashMap<Upstream, Option<String>>,
    /// How many have each first part of a name.
    counts: HashMap<&'static str, usize>,
    out: Vec<(String, Out)>,
}

/// Reads the list.
pub fn read(list: &Item<'_>, report: &mut Report) -> Vec<(String, Out)> {
    let Some(items) = list.items() else {
        report.skip(list, "must be a list");
        return Vec::new();
    };
    let mut providers = Providers::default();
    for item in items {
        match entry(&item, &mut providers, report) {
            Ok(name) => alias(&item, &name, report),
            Err(reason) => report.skip(&item, reason),
        }
    }
    providers.out
}

fn entry(
    item: &Item<'_>,
    providers: &mut Providers,
    report: &mut Report,
) -> Result<String, String> {
    let params = param(item, "litellm_params");
    let params = params.ok_or("needs litellm_params")?;
    let entries = params
        .entries()
        .ok_or("needs litellm_params as a mapping")?;
    let model = param(&params, "model").ok_or("needs litellm_params.model")?;
    let model = model.text().ok_or("needs litellm_params.model as a text")?;
    let named = param(&params, "custom_llm_provider");
    let named = named.as_ref().and_then(Item::text);
    let known = provider::of_model(&model, named.as_deref())?;
    let base = param(&params, "api_base").or(param(&params, "base_url"));
    let base = base.map(|item| value(&item)).transpose()?;
    let key = param(&params, "api_key")
        .map(|item| value(&item))
        .transpose()?;
    let has_key = key.is_some();
    let host = provider::host(known, base)?;
    let has_url = host.url.is_some();
    let name = providers.name(known, host, key)?;
    if !has_key && has_url && !is_by_name(&name, known, has_url) {
        report.skip(&params, NO_KEY);
    }
    report_others(entries, report);
    Ok(name)
}

/// Says which parameters stay behind.
fn report_others(entries: Vec<(&str, Item<'_>)>, report: &mut Report) {
    const CARRIED: [&str; 5] = [
        "model",
        "custom_llm_provider",
        "api_base",
        "base_url",
        "api_key",
    ];
    for (name, item) in entries {
        if !CARRIED.contains(&name) && !item.is_null() {
            report.skip(&item, hints::of(&item.path));
        }
    }
}

/// A value of a mapping, unless it is null.
fn param<'n>(item: &Item<'n>, wanted: &str) -> Option<Item<'n>> {
    let entries = item.entries()?;
    let found = entries.into_iter().find(|(name, _)| *name == wanted);
    found.map(|(_, item)| item).filter(|item| !item.is_null())
}

fn value(item: &Item<'_>) -> Result<Carried, String> {
    let written = item.text().ok_or("must be a text");
    let carried = written.and_then(|text| texts::value(&text));
    let key = item.path.rsplit('.').next().unwrap_or_default();
    carried.map_err(|reason| format!("{key} {reason}"))
}

/// Says what callers write in place of the entry's own name.
fn alias(item: &Item<'_>, name: &str, report: &mut Report) {
    for (key, item) in item.entries().unwrap_or_default() {
        match key {
            "litellm_params" => {}
            "model_name" => report.skip(
                &item,
                format!("is not a name here: callers write the provider's model, \"@{name}/...\""),
            ),
            _ => report.skip(&item, hints::of(&item.path)),
        }
    }
}

impl Providers {
    /// Without a key, LiteLLM takes that of the environment: another entry may name the variable.
    fn with_key_of_environment(
        &self,
        upstream: &Upstream,
        known: &CatalogueEntry,
    ) -> Option<String> {
        let (KeyVariables::First(variables), None) = (known.variables, &upstream.key) else {
            return None;
        };
        variables.iter().find_map(|variable| {
            let same = Upstream {
                kind: upstream.kind,
                host: upstream.host.clone(),
                key: Some(Carried {
                    text: format!("${{{variable}}}"),
                    is_reference: true,
                }),
            };
            self.names.get(&same).cloned().flatten()
        })
    }

    /// The name of the provider with this host and key, made if it is new.
    ///
    /// # Errors
    /// Our settings would refuse it.
    fn name(
        &mut self,
        known: &'static CatalogueEntry,
        host: Host,
        key: Option<Carried>,
    ) -> Result<String, String> {
        let upstream = Upstream {
            kind: known.name,
            host: host.url.clone(),
            key: key.clone(),
        };
        if let Some(name) = self.names.get(&upstream) {
            let refused = || "has the host and key of an entry that was refused".to_owned();
            return name.clone().ok_or_else(refused);
        }
        if let Some(name) = self.with_key_of_environment(&upstream, known) {
            return Ok(name);
        }
        let count = self.counts.get(host.label).copied().unwrap_or_default() + 1;
        let name = match count {
            1 => host.label.to_owned(),
            _ => format!("{}-{count}", host.label),
        };
        let out = out(&name, known, host.url, key);
        let page = Out::one("providers", Out::one(&name, out.clone())).document();
        let refusal = judge::refusal(&page);
        let kept = refusal.is_none().then(|| name.clone());
        self.names.insert(upstream, kept);
        if let Some(refusal) = refusal {
            let key = refusal.key.rsplit('.').next().unwrap_or_default();
            return Err(format!("{key} {}", refusal.reason));
        }
        self.counts.insert(host.label, count);
        self.out.push((name.clone(), out));
        Ok(name)
    }
}

/// An entry that has the name of a built-in provider needs neither its address nor its key.
fn out(
    name: &str,
    known: &'static CatalogueEntry,
    url: Option<String>,
    key: Option<Carried>,
) -> Out {
    let kind = (!is_by_name(name, known, url.is_some())).then(|| Out::text(known.name));
    let fields = [
        ("provider", kind),
        ("custom_host", url.map(Out::Text)),
        ("api_key", key.map(Out::secret)),
    ];
    let fields = fields.into_iter();
    Out::Map(
        fields
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect(),
    )
}

/// Our settings know the provider by its name alone, and take its key from the environment.
fn is_by_name(name: &str, known: &CatalogueEntry, has_url: bool) -> bool {
    name == known.name && has_url == known.base.is_none()
}
