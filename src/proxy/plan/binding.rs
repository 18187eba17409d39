//! Whose word is it? The host of a target, the credential that goes there, the place of that
//! credential, header lines and body values are bound together, and all are words of one owner.
//! The owner is part of their type: a binding of parts of two owners does not compile, and where
//! a request brings such parts together, [`Bound::of`] refuses it.

use std::{marker::PhantomData, rc::Rc, sync::Arc};

use actix_http::header::{HeaderName, HeaderValue};

use super::{
    OwnCredential,
    host::{AnyHost, Caller, Host, Operator, Owner},
};
use crate::{
    credential::{Credential, Scheme},
    error::{Code, GatewayError},
    gateway::CredentialNames,
    guard::{BaseUrl, NamedBy},
    proxy::url,
    route::{
        catalogue::{self, CatalogueEntry},
        config_types::Entry,
        policy::{Auth, BodyEdit, HeaderEdit},
    },
    secret::Secret,
};

/// What one owner says of one target, but for its host.
pub(super) struct Parts<'a, O> {
    key: Option<&'a Secret>,
    auth: Option<&'a Auth>,
    /// Never beside `key`.
    scheme: Option<&'a Arc<Credential>>,
    lines: Vec<&'a HeaderEdit>,
    params: Rc<[BodyEdit]>,
    owner: PhantomData<O>,
}

impl<O> Default for Parts<'_, O> {
    fn default() -> Self {
        Parts {
            key: None,
            auth: None,
            scheme: None,
            lines: Vec::new(),
            params: Rc::default(),
            owner: PhantomData,
        }
    }
}

impl<'a, O: Owner> Parts<'a, O> {
    /// The words of one object; `params` are its own and those it inherits.
    pub fn of(entry: &'a Entry, params: Rc<[BodyEdit]>) -> Self {
        Parts {
            key: entry.api_key.as_ref(),
            auth: entry.auth.as_ref(),
            scheme: entry.credential.as_ref(),
            lines: entry.headers.iter().collect(),
            params,
            owner: PhantomData,
        }
    }

    /// The same with `outer` behind it: what both say, these words decide.
    pub fn over(mut self, outer: &'a Entry) -> Self {
        if self.key.is_none() && self.scheme.is_none() {
            self.key = outer.api_key.as_ref();
            self.scheme = outer.credential.as_ref();
        }
        self.auth = self.auth.or(outer.auth.as_ref());
        let is_replaced = |name: &HeaderName| self.lines.iter().any(|(own, _)| own == name);
        let kept = outer.headers.iter().filter(|(name, _)| !is_replaced(name));
        self.lines = kept.chain(self.lines.iter().copied()).collect();
        self.params = merged(&outer.override_params, &self.params);
        self
    }

    /// The first key of a config object that these words came from.
    fn first(&self) -> Option<&'static str> {
        let said = [
            ("api_key", self.key.is_some()),
            ("credential", self.scheme.is_some()),
            ("auth", self.auth.is_some()),
            ("headers", !self.lines.is_empty()),
            ("override_params", !self.params.is_empty()),
        ];
        said.into_iter()
            .find_map(|(key, is_said)| is_said.then_some(key))
    }
}

/// `outer` with the values of `inner` in place of those of the same name.
pub(super) fn merged(outer: &[BodyEdit], inner: &Rc<[BodyEdit]>) -> Rc<[BodyEdit]> {
    if outer.is_empty() {
        return inner.clone();
    }
    let is_replaced = |key: &str| inner.iter().any(|(own, _)| **own == *key);
    let kept = outer.iter().filter(|(key, _)| !is_replaced(key));
    kept.chain(inner.iter()).cloned().collect()
}

/// A target's parts, bound to its host by their one owner.
pub(super) struct Binding {
    pub base: BaseUrl,
    pub named_by: NamedBy,
    /// Lines to set or take out, that of the owner's credential among them.
    pub lines: Vec<HeaderEdit>,
    pub credential: Option<OwnCredential>,
    /// The scheme of the owner's credential, where it is more than lines.
    pub scheme: Option<Arc<Credential>>,
    pub params: Rc<[BodyEdit]>,
}

impl Binding {
    /// Parts of another owner than the host's have another type.
    fn new<O: Owner>(
        host: &Host<'_, O>,
        parts: &Parts<'_, O>,
        at: &At<'_>,
    ) -> Result<Self, GatewayError> {
        let base = BaseUrl::parse(host.text).map_err(|error| host.unreadable(at.path, &error))?;
        let mut lines: Vec<HeaderEdit> = parts.lines.iter().copied().cloned().collect();
        let mut credential = lines
            .iter()
            .find(|edit| at.names.is_set_by(edit))
            .map(|(name, _)| OwnCredential::Header(name.clone()));
        if let Some(name) = credential_in_query(at.names, &base) {
            credential = credential.or(Some(OwnCredential::Query(name.into())));
        }
        if let Some(key) = parts.key {
            let (name, value) = key_line(key, parts.auth, at)?;
            lines.retain(|(set, _)| *set != name);
            credential = Some(OwnCredential::Header(name.clone()));
            lines.push((name, Some(value)));
        }
        if let Some(scheme) = parts.scheme {
            credential = OwnCredential::of(scheme.scheme());
            put_scheme(&mut lines, scheme.scheme());
        }
        Ok(Binding {
            base,
            named_by: O::NAMED_BY,
            lines,
            credential,
            scheme: parts.scheme.cloned(),
            params: parts.params.clone(),
        })
    }

    fn sets(&self, name: &HeaderName) -> bool {
        self.lines.iter().any(|(set, _)| set == name)
    }

    fn overrides(&self, key: &str) -> bool {
        self.params.iter().any(|(set, _)| **set == *key)
    }
}

/// Where a target stands, and what its parts are read with.
pub(super) struct At<'a> {
    /// Its key path, for errors.
    pub path: &'a str,
    pub names: &'a CredentialNames,
    /// Says where a key goes if nothing else does.
    pub catalogue: Option<&'static CatalogueEntry>,
}

/// A target's parts with everything that the caller adds to them.
pub(super) struct Bound {
    pub binding: Binding,
    /// Lines and body values by which the caller edits its own request to an operator's host.
    /// They name nothing that the binding sets.
    pub request_lines: Vec<HeaderEdit>,
    pub request_params: Rc<[BodyEdit]>,
    /// A credential of the caller's for an operator's host, and the key of the config that holds
    /// it. It may go there only where the caller's other credentials may.
    pub callers: Option<(OwnCredential, &'static str)>,
}

impl Bound {
    /// Binds the parts of the host's owner to it. Of the other owner's parts, those of an operator
    /// never go to a caller's host; a caller may edit its own request to an operator's host, but
    /// nothing that the operator sets there.
    ///
    /// # Errors
    /// `invalid_config`: parts of two owners for one thing.
    pub fn of(
        host: &AnyHost<'_>,
        caller: Parts<'_, Caller>,
        operator: Parts<'_, Operator>,
        at: &At<'_>,
    ) -> Result<Self, GatewayError> {
        if caller.scheme.is_some() {
            // The reader of callers' configs refuses it already.
            return Err(at.refuse("credential", "may be given in the gateway's settings only"));
        }
        if caller.auth.is_some() && caller.key.is_none() {
            return Err(at.refuse(
                "auth",
                "says where api_key goes, and there is none beside it: give both, or neither",
            ));
        }
        match host {
            AnyHost::Callers(host) => {
                if let Some(key) = operator.first() {
                    return Err(host.refuse_operators(at.path, key));
                }
                Ok(Bound {
                    binding: Binding::new(host, &caller, at)?,
                    request_lines: Vec::new(),
                    request_params: Rc::default(),
                    callers: None,
                })
            }
            AnyHost::Operators(host) => {
                let binding = Binding::new(host, &operator, at)?;
                Bound::edited(binding, &caller, at)
            }
        }
    }

    /// The caller's edits of its own request to an operator's host.
    fn edited(
        binding: Binding,
        caller: &Parts<'_, Caller>,
        at: &At<'_>,
    ) -> Result<Self, GatewayError> {
        if let Some((name, _)) = caller.lines.iter().find(|(name, _)| binding.sets(name)) {
            return Err(at.taken(&format!("headers.{name}")));
        }
        let is_set = |(key, _): &&BodyEdit| binding.overrides(key);
        if let Some((key, _)) = caller.params.iter().find(is_set) {
            return Err(at.taken(&format!("override_params.{key}")));
        }
        let mut lines: Vec<HeaderEdit> = caller.lines.iter().copied().cloned().collect();
        let mut callers = lines
            .iter()
            .find(|edit| at.names.is_set_by(edit))
            .map(|(name, _)| (OwnCredential::Header(name.clone()), "headers"));
        if let Some(key) = caller.key {
            let (name, value) = key_line(key, caller.auth, at)?;
            if binding.sets(&name) {
                return Err(at.taken("api_key"));
            }
            lines.retain(|(set, _)| *set != name);
            lines.push((name.clone(), Some(value)));
            callers = Some((OwnCredential::Header(name), "api_key"));
        }
        Ok(Bound {
            binding,
            request_lines: lines,
            request_params: caller.params.clone(),
            callers,
        })
    }
}

impl At<'_> {
    fn refuse(&self, key: &str, reason: &str) -> GatewayError {
        let message = format!("{}.{key} {reason}", self.path);
        GatewayError::new(Code::InvalidConfig, message)
    }

    /// A caller's word for what the operator has set.
    fn taken(&self, key: &str) -> GatewayError {
        self.refuse(
            key,
            "is set by the gateway's settings for this target, and a request cannot change it",
        )
    }
}

/// A caller's credential, written under `key`, may not go to an operator's host.
pub(super) fn refuse_credential(path: &str, key: &str) -> GatewayError {
    let message = format!(
        "{path}.{key} holds a credential of yours, and the host of this target is one of the \
         gateway's settings, which do not let callers' credentials go there: leave it out, or \
         name the host yourself with custom_host"
    );
    GatewayError::new(Code::InvalidConfig, message)
}

/// The line that carries a target's key.
fn key_line(
    key: &Secret,
    auth: Option<&Auth>,
    at: &At<'_>,
) -> Result<(HeaderName, HeaderValue), GatewayError> {
    let provided = || at.catalogue.map_or_else(catalogue::bearer, |it| it.auth());
    let Auth { header, scheme } = auth.cloned().unwrap_or_else(provided);
    let text = match scheme {
        Some(scheme) => format!("{scheme} {}", key.expose()),
        None => key.expose().to_owned(),
    };
    match HeaderValue::from_str(&text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok((header, value))
        }
        Err(_) => Err(at.refuse("api_key", "must consist of visible ASCII characters")),
    }
}

/// Puts a scheme's lines in the place of others of their names. Those that are written at the send
/// are taken out, so that nobody else's are sent.
fn put_scheme(lines: &mut Vec<HeaderEdit>, scheme: &Scheme) {
    let fixed = scheme.lines().iter();
    let fixed = fixed.map(|line| (line.name().clone(), Some(line.value().clone())));
    let at_send = scheme
        .written_at_send()
        .into_iter()
        .map(|name| (name, None));
    let own: Vec<HeaderEdit> = fixed.chain(at_send).collect();
    lines.retain(|(set, _)| own.iter().all(|(name, _)| name != set));
    lines.extend(own);
}

/// The parameter of the base URL's own query that carries a credential, if one does.
fn credential_in_query<'b>(names: &CredentialNames, base: &'b BaseUrl) -> Option<&'b str> {
    let part = url::named(base.raw_query()?, &names.query).next()?;
    Some(part.split('=').next().unwrap_or(part))
}
