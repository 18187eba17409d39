//! Who a target is for: the provider and host it names, looked up, and whose secrets may go there.

use actix_http::header::{HeaderName, HeaderValue};

use super::{
    Known,
    choose::Own,
    resolve::{Given, Inherited},
};
use crate::{
    directives::Provider,
    egress::{BaseUrlError, NamedBy},
    error::{Code, GatewayError},
    route::{
        catalogue::{self, CatalogueEntry},
        object::Entry,
        policy::{Auth, HeaderEdit},
    },
    secret::Secret,
};

/// A host, with who named it.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub text: &'a str,
    pub named_by: NamedBy,
    /// Where it was named, for errors.
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Header,
    Config,
    Settings,
}

/// Who a target is for: the provider and host it names, looked up.
pub(super) struct Named<'a> {
    provider: Option<&'a Provider>,
    /// The body's `model` named it.
    by_model: Option<&'a str>,
    /// The provider of the settings, if it is one.
    pub settings: Option<&'a Entry>,
    catalogue: Option<&'static CatalogueEntry>,
    host: Option<Host<'a>>,
}

impl<'a> Named<'a> {
    pub fn of(
        entry: &'a Entry,
        here: &Inherited<'a>,
        path: &str,
        given: &Given<'a>,
        known: &'a Known,
    ) -> Result<Self, GatewayError> {
        let in_config = here.custom_host.map(|text| Host {
            text,
            named_by: given.named_by,
            place: Place::Config,
        });
        let in_header = given.custom_host.map(|text| Host {
            text,
            named_by: NamedBy::Caller,
            place: Place::Header,
        });
        let host = in_config.or(in_header);
        let names_itself = entry.provider.is_some() || in_config.is_some();
        let mut named = Named {
            provider: entry.provider.as_ref(),
            by_model: None,
            settings: None,
            catalogue: None,
            host,
        };
        if !names_itself {
            match given.own {
                Own::Headers { provider } => named.provider = provider,
                Own::Model { name } => named.by_model = Some(name),
                Own::Settings { target } => {
                    named.host = Some(Host {
                        text: target,
                        named_by: NamedBy::Settings,
                        place: Place::Settings,
                    });
                }
                Own::Nothing | Own::Unread => {}
            }
        }
        named.look_up(path, given, known)?;
        Ok(named)
    }

    fn look_up(
        &mut self,
        path: &str,
        given: &Given<'_>,
        known: &'a Known,
    ) -> Result<(), GatewayError> {
        let in_settings = match (self.provider, self.by_model) {
            (Some(Provider::Settings(name)), _) => Some(name.as_str()),
            (_, by_model) => by_model,
        };
        if let Some(name) = in_settings {
            let found = known.providers.get(name);
            let found = found.map(|entry| &**entry);
            self.settings = Some(found.ok_or_else(|| unknown(&format!("@{name}"), path, given))?);
        }
        let shaped_like = match (self.provider, self.settings) {
            (_, Some(settings)) => match &settings.provider {
                Some(Provider::Named(name)) => Some(name.as_str()),
                Some(Provider::Passthrough | Provider::Settings(_)) | None => None,
            },
            (Some(Provider::Named(name)), None) => Some(name.as_str()),
            (Some(Provider::Passthrough | Provider::Settings(_)) | None, None) => None,
        };
        self.catalogue = shaped_like.and_then(catalogue::find);
        match (self.provider, self.catalogue, self.host) {
            (Some(Provider::Named(name)), None, None) => Err(unknown(name, path, given)),
            _ => Ok(()),
        }
    }

    /// A host that the caller named gets nothing that the operator holds.
    pub fn check_operators_secrets(
        &self,
        entry: &Entry,
        path: &str,
        given: &Given<'_>,
    ) -> Result<(), GatewayError> {
        let by_caller = self.host.filter(|host| host.named_by == NamedBy::Caller);
        let Some(host) = by_caller else {
            return Ok(());
        };
        let of_provider = |it: &Entry| it.api_key.is_some() || !it.headers.is_empty();
        let of_config = given.named_by == NamedBy::Settings
            && (entry.api_key.is_some() || !entry.headers.is_empty());
        if !of_config && !self.settings.is_some_and(of_provider) {
            return Ok(());
        }
        let by = match host.place {
            Place::Header => "x-gateway-custom-host".to_owned(),
            Place::Config | Place::Settings => format!("{path}.custom_host"),
        };
        let message = format!(
            "{path}: {by} names a host for a target whose credential is the settings'; that credential goes only to \
             the host that the settings name for it. Leave the host out, or use a target without such a credential"
        );
        Err(GatewayError::new(Code::InvalidConfig, message))
    }

    pub fn host(&self, path: &str, given: &Given<'_>) -> Result<Host<'a>, GatewayError> {
        if let Some(host) = self.host {
            return Ok(host);
        }
        let of_settings = self.settings.and_then(|it| it.custom_host.as_deref());
        if let Some(text) = of_settings {
            return Ok(Host {
                text,
                named_by: NamedBy::Settings,
                place: Place::Settings,
            });
        }
        let named_by = match self.settings {
            Some(_) => NamedBy::Settings,
            None => given.named_by,
        };
        match self.catalogue.and_then(|it| it.base) {
            Some(text) => Ok(Host {
                text,
                named_by,
                place: Place::Settings,
            }),
            None => Err(self.without_host(path, given)),
        }
    }

    fn without_host(&self, path: &str, given: &Given<'_>) -> GatewayError {
        let place = if given.in_config {
            format!("{path}: ")
        } else {
            String::new()
        };
        let message = match (self.provider, self.catalogue) {
            (_, Some(catalogue)) => format!(
                "{place}{} has no address of its own: name the host, in x-gateway-custom-host or as custom_host",
                catalogue.name
            ),
            (Some(Provider::Passthrough), None) => format!(
                "{place}passthrough needs the base URL to send the request to, for example https://my.vllm.com/v1, \
                 in x-gateway-custom-host or as custom_host"
            ),
            _ => format!(
                "{place}nothing says where this request should go: send x-gateway-custom-host (a base URL such as \
                 https://my.vllm.com/v1), x-gateway-provider or x-gateway-config with targets, or set default_target \
                 in the settings"
            ),
        };
        GatewayError::new(Code::NoTarget, message)
    }

    /// Lines to set or take out; the target's own words win over its provider's.
    pub fn edits(
        &self,
        entry: &Entry,
        path: &str,
        credentials: &[HeaderName],
    ) -> Result<Edits, GatewayError> {
        let provided = self.settings.map_or(&[][..], |it| &it.headers[..]);
        let is_replaced =
            |(name, _): &&HeaderEdit| entry.headers.iter().any(|(own, _)| own == name);
        let mut lines: Vec<HeaderEdit> = provided
            .iter()
            .filter(|edit| !is_replaced(edit))
            .cloned()
            .collect();
        lines.extend(entry.headers.iter().cloned());
        let sets_credential =
            |(name, value): &&HeaderEdit| value.is_some() && credentials.contains(name);
        let mut own_credential = lines
            .iter()
            .find(sets_credential)
            .map(|(name, _)| name.clone());
        let key = entry.api_key.as_ref();
        if let Some(key) = key.or(self.settings.and_then(|it| it.api_key.as_ref())) {
            let (name, value) = self.key_line(key, entry, path)?;
            lines.retain(|(set, _)| *set != name);
            own_credential = Some(name.clone());
            lines.push((name, Some(value)));
        }
        Ok(Edits {
            lines,
            own_credential,
        })
    }

    fn key_line(
        &self,
        key: &Secret,
        entry: &Entry,
        path: &str,
    ) -> Result<(HeaderName, HeaderValue), GatewayError> {
        let provided = self.settings.and_then(|it| it.auth.as_ref());
        let auth = entry.auth.as_ref().or(provided).cloned();
        let auth = auth.unwrap_or_else(|| {
            self.catalogue
                .map_or_else(catalogue::bearer, |it| it.auth())
        });
        let Auth { header, scheme } = auth;
        let text = match scheme {
            Some(scheme) => format!("{scheme} {}", key.expose()),
            None => key.expose().to_owned(),
        };
        match HeaderValue::from_str(&text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Ok((header, value))
            }
            Err(_) => {
                let message = format!("{path}.api_key must consist of visible ASCII characters");
                Err(GatewayError::new(Code::InvalidConfig, message))
            }
        }
    }

    /// What `forward_authorization` says, if whoever said it may.
    pub fn forward(
        &self,
        here: &Inherited<'_>,
        path: &str,
        origin_by: NamedBy,
        given: &Given<'_>,
    ) -> Result<Option<bool>, GatewayError> {
        let of_provider = self.settings.and_then(|it| it.forward_authorization);
        match (here.forward_authorization, given.named_by, origin_by) {
            (Some(true), NamedBy::Caller, NamedBy::Settings) => {
                let message = format!(
                    "{path}.forward_authorization: the host of this target is the settings', and so only the settings \
                     can have the caller's credentials sent there"
                );
                Err(GatewayError::new(Code::InvalidConfig, message))
            }
            (said, _, _) => Ok(said.or(of_provider)),
        }
    }

    pub fn model_prefix(&self, given: &Given<'_>) -> Option<Box<str>> {
        match (given.own, self.by_model) {
            (Own::Model { name }, Some(_)) => Some(format!("@{name}/").into()),
            _ => None,
        }
    }

    pub fn reply_value(&self) -> HeaderValue {
        // The names' alphabet is one of letters, digits and a few signs.
        HeaderValue::from_str(self.name()).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    pub fn name(&self) -> &str {
        match (self.provider, self.by_model) {
            (_, Some(name)) => name,
            (Some(Provider::Named(name) | Provider::Settings(name)), None) => name,
            (Some(Provider::Passthrough) | None, None) => "passthrough",
        }
    }
}

pub(super) struct Edits {
    pub lines: Vec<HeaderEdit>,
    pub own_credential: Option<HeaderName>,
}

impl Host<'_> {
    pub fn unreadable(&self, path: &str, error: &BaseUrlError) -> GatewayError {
        let (code, place) = match self.place {
            Place::Header => (Code::InvalidHeader, "x-gateway-custom-host".to_owned()),
            Place::Config => (Code::InvalidConfig, format!("{path}.custom_host")),
            Place::Settings => (Code::Internal, "the settings".to_owned()),
        };
        GatewayError::new(code, format!("{place}: {error}"))
    }
}

fn unknown(name: &str, path: &str, given: &Given<'_>) -> GatewayError {
    let message = format!(
        "no provider is called {name}: use passthrough with a custom host, a provider of the settings (@name), or one \
         of {}",
        catalogue::names()
    );
    match given.in_config {
        true => GatewayError::new(Code::InvalidConfig, format!("{path}.provider: {message}")),
        false => GatewayError::new(Code::UnknownProvider, message),
    }
}
