//! A key joined with its team: what a request needs to know of its caller, in one look-up.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{
    allow::{Allow, Arrival, Denied, Destination, Owner, Refusal},
    key::Key,
    limits::OwnLimit,
    name::ConfigName,
    team::Team,
};
use crate::budget::Scoped;

/// Whose request it is. Both key and team are checked, so that the stricter wins.
#[derive(Clone, Debug)]
pub struct Identity {
    pub key: Arc<Key>,
    pub team: Option<Arc<Team>>,
    ids: OnceLock<IdTexts>,
}

/// The ids as records show them, written once.
#[derive(Clone, Debug)]
pub struct IdTexts {
    pub key: Arc<str>,
    pub team: Option<Arc<str>>,
}

impl Identity {
    pub fn new(key: Arc<Key>, team: Option<Arc<Team>>) -> Self {
        Identity {
            key,
            team,
            ids: OnceLock::new(),
        }
    }

    /// The ids of key and team.
    pub fn id_texts(&self) -> &IdTexts {
        self.ids.get_or_init(|| IdTexts {
            key: self.key.id.to_string().into(),
            team: self.team.as_ref().map(|it| it.id.to_string().into()),
        })
    }

    /// Route, method, endpoint and client's address of a request.
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn check_arrival(&self, arrival: &Arrival<'_>) -> Result<(), Refusal> {
        self.check(|allow| allow.check_arrival(arrival))
    }

    /// Provider and host of one target.
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn check_destination(&self, destination: &Destination<'_>) -> Result<(), Refusal> {
        self.check(|allow| allow.check_destination(destination))
    }

    /// Whether the model must be known before anything is sent.
    pub fn needs_model(&self) -> bool {
        self.rules().any(|(_, allow)| allow.needs_model())
    }

    /// The model as one target gets it; see [`Allow::check_model`].
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn check_model(&self, model: Option<&str>) -> Result<(), Refusal> {
        self.check(|allow| allow.check_model(model))
    }

    /// The config of a request that names no target.
    pub fn default_config(&self) -> Option<&ConfigName> {
        let of_team = || self.team.as_ref()?.default_config.as_ref();
        self.key.default_config.as_ref().or_else(of_team)
    }

    /// Adds the team's metadata, then the key's, to what a request brought.
    pub fn merge_metadata(&self, request: &mut BTreeMap<String, String>) {
        let of_team = self.team.as_ref().and_then(|team| team.metadata.as_ref());
        for metadata in of_team.into_iter().chain(&self.key.metadata) {
            metadata.merge_over(request);
        }
    }

    /// Whether a value of the request's metadata may be counted by: key or team set it, or the key
    /// trusts its holder to say it. By any other the holder could evade a limit.
    pub fn trusts_metadata(&self, name: &str) -> bool {
        let of_team = self.team.as_ref().and_then(|team| team.metadata.as_ref());
        let mut set = of_team.into_iter().chain(&self.key.metadata);
        let trusted = self.key.trust_metadata.as_ref();
        trusted.is_some_and(|names| names.contains(name))
            || set.any(|metadata| metadata.iter().any(|(set, _)| set == name))
    }

    /// The limits of the key, then those of its team.
    pub fn limits(&self) -> impl Iterator<Item = (Owner, &OwnLimit)> {
        let of_key = self.key.limits.iter().map(|limit| (Owner::Key, limit));
        let of_team = self.team.iter().flat_map(|team| team.limits.iter());
        of_key.chain(of_team.map(|limit| (Owner::Team, limit)))
    }

    /// The budgets of the key, then those of its team.
    pub fn budgets(&self) -> impl Iterator<Item = &Arc<Scoped>> {
        let of_team = self.team.iter().flat_map(|team| team.budgets.iter());
        self.key.budgets.iter().chain(of_team)
    }

    fn rules(&self) -> impl Iterator<Item = (Owner, &Allow)> {
        let of_team = self.team.as_ref().and_then(|team| team.allow.as_deref());
        let rules = [
            (Owner::Key, self.key.allow.as_deref()),
            (Owner::Team, of_team),
        ];
        rules
            .into_iter()
            .filter_map(|(owner, allow)| Some((owner, allow?)))
    }

    fn check(&self, check: impl Fn(&Allow) -> Result<(), Denied>) -> Result<(), Refusal> {
        let refusal = |owner| move |denied| Refusal { owner, denied };
        self.rules()
            .try_for_each(|(owner, allow)| check(allow).map_err(refusal(owner)))
    }
}
