//! Who a target is for: the provider and the host that its words name, looked up, and who named
//! the host. What may be bound to that host is `binding`'s to say.

use actix_http::header::HeaderValue;

use super::{
    host::{AnyHost, Host, Place},
    own::Own,
    resolve::{Given, Inherited},
};
use crate::{
    directives::Provider,
    endpoint::Endpoint,
    error::{Code, GatewayError},
    gateway::Known,
    guard::NamedBy,
    route::{
        catalogue::{self, CatalogueEntry},
        config_types::Entry,
        policy::ForwardHeaders,
        suggest,
    },
};

/// Longest unknown name that an error repeats, in bytes.
const LONGEST_REPEATED: usize = 24;

/// A target's provider and host.
pub(super) struct Named<'a> {
    provider: Option<&'a Provider>,
    /// `x-gateway-provider` or the path named the provider, and not the config.
    by_header: bool,
    /// The body's `model` named it.
    by_model: Option<&'a str>,
    /// The provider of the settings, or the endpoint's target, if it is one.
    pub settings: Option<&'a Entry>,
    /// The path names the provider, and what follows is appended to this.
    root: Option<&'static str>,
    /// The endpoint that the path stands for, if this is its own target.
    endpoint: Option<&'a Endpoint>,
    pub catalogue: Option<&'static CatalogueEntry>,
    host: Option<(&'a str, NamedBy, Place)>,
}

impl<'a> Named<'a> {
    pub fn of(
        entry: &'a Entry,
        here: &Inherited<'a>,
        path: &str,
        given: &Given<'a>,
        known: &'a Known,
    ) -> Result<Self, GatewayError> {
        let in_config = here
            .custom_host
            .map(|it| (it, given.named_by, Place::Config));
        let in_header = given
            .custom_host
            .map(|it| (it, NamedBy::Caller, Place::HostHeader));
        let names_itself = entry.provider.is_some() || in_config.is_some();
        let mut named = Named {
            provider: entry.provider.as_ref(),
            by_header: false,
            by_model: None,
            settings: None,
            root: None,
            endpoint: None,
            catalogue: None,
            host: in_config.or(in_header),
        };
        if !names_itself {
            match given.own {
                Own::Headers { provider } => {
                    named.provider = provider;
                    named.by_header = true;
                }
                Own::Endpoint { endpoint } => {
                    named.endpoint = Some(endpoint);
                    named.settings = Some(&endpoint.target);
                }
                Own::Provider { route } => {
                    named.provider = Some(&route.provider);
                    named.by_header = true;
                    named.root = route.root;
                }
                Own::Model { name } => named.by_model = Some(name),
                Own::Settings { target } => {
                    named.host = Some((target, NamedBy::Settings, Place::Settings));
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
            self.settings = Some(found.ok_or_else(|| {
                let settings = Provider::Settings(name.to_owned());
                unknown(&settings, path, given, known)
            })?);
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
        match (self.provider, self.catalogue) {
            (Some(named @ Provider::Named(_)), None) => Err(unknown(named, path, given, known)),
            _ => Ok(()),
        }
    }

    /// The host, and whose it is: whoever wrote it, or the name that stands for it.
    ///
    /// # Errors
    /// `no_target` where nobody names one; `invalid_config` where somebody names another host for
    /// a provider of the settings, which has its own.
    pub fn host(&self, path: &str, given: &Given<'_>) -> Result<AnyHost<'a>, GatewayError> {
        let (text, named_by, place) = self.host_named(path, given)?;
        if let (Some(_), Some((_, _, place))) = (self.settings, self.host) {
            return Err(refuse_host(path, place, self.name()));
        }
        Ok(match named_by {
            NamedBy::Settings => AnyHost::Operators(Host::new(text, place)),
            NamedBy::Caller => AnyHost::Callers(Host::new(text, place)),
        })
    }

    fn host_named(
        &self,
        path: &str,
        given: &Given<'_>,
    ) -> Result<(&'a str, NamedBy, Place), GatewayError> {
        if let Some(host) = self.host {
            return Ok(host);
        }
        let of_settings = self.settings.and_then(|it| it.custom_host.as_deref());
        if let Some(text) = of_settings {
            return Ok((text, NamedBy::Settings, Place::Settings));
        }
        let (named_by, place) = match (self.settings, self.by_header) {
            (Some(_), _) => (NamedBy::Settings, Place::Settings),
            (None, true) => (NamedBy::Caller, Place::ProviderHeader),
            (None, false) => (given.named_by, Place::Config),
        };
        match self.root.or(self.catalogue.and_then(|it| it.base)) {
            Some(text) => Ok((text, named_by, place)),
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
                "{place}{} has no address of its own: name the host, in x-gateway-custom-host or \
                 as custom_host",
                catalogue.name
            ),
            (Some(Provider::Passthrough), None) => format!(
                "{place}passthrough needs the base URL to send the request to, for example \
                 https://my.vllm.com/v1, in x-gateway-custom-host or as custom_host"
            ),
            _ => format!(
                "{place}nothing says where this request should go: send x-gateway-custom-host \
                 (a base URL such as https://my.vllm.com/v1), x-gateway-provider or \
                 x-gateway-config with targets, or set default_target in the settings"
            ),
        };
        GatewayError::new(Code::NoTarget, message)
    }

    /// What `forward_authorization` says, if whoever said it may.
    pub fn forward(
        &self,
        here: &Inherited<'_>,
        path: &str,
        origin_by: NamedBy,
        given: &Given<'_>,
    ) -> Result<Forward, GatewayError> {
        let of_provider = self.settings.and_then(|it| it.forward_authorization);
        match (here.forward_authorization, given.named_by, origin_by) {
            (Some(true), NamedBy::Caller, NamedBy::Settings) => {
                let message = format!(
                    "{path}.forward_authorization: the host of this target is the settings', and \
                     so only the settings can have the caller's credentials sent there"
                );
                Err(GatewayError::new(Code::InvalidConfig, message))
            }
            (said, NamedBy::Caller, _) => Ok(Forward {
                callers: said,
                operators: of_provider,
            }),
            (said, NamedBy::Settings, _) => Ok(Forward {
                callers: None,
                operators: said.or(of_provider),
            }),
        }
    }

    pub fn forward_headers(&self) -> ForwardHeaders {
        let endpoint = self.endpoint;
        endpoint.map_or(ForwardHeaders::All, |it| it.forward_headers.clone())
    }

    /// How a built-in provider that needs a credential would get one.
    pub fn needs_credential(&self) -> Option<Box<str>> {
        let known = self.catalogue.filter(|_| self.host.is_none())?;
        let variables = known.variables.names()?;
        Some(match self.settings {
            Some(_) => {
                let name = self.name();
                format!("set providers.{name}.api_key, or {variables} in its environment").into()
            }
            None => format!(
                "add providers.{} with an api_key to the settings, or with {variables} in the \
                 gateway's environment",
                known.name
            )
            .into(),
        })
    }

    pub fn model_prefix(&self, given: &Given<'_>) -> Option<Box<str>> {
        match (given.own, self.by_model) {
            (Own::Model { name }, Some(_)) => Some(format!("@{name}/").into()),
            _ => None,
        }
    }

    /// The provider, as it was named.
    pub fn as_named(&self) -> Provider {
        match (self.provider, self.by_model) {
            (_, Some(name)) => Provider::Settings(name.to_owned()),
            (provider, None) => provider.cloned().unwrap_or(Provider::Passthrough),
        }
    }

    pub fn reply_value(&self) -> HeaderValue {
        // The names' alphabet is one of letters, digits and a few signs.
        HeaderValue::from_str(self.name()).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    pub fn name(&self) -> &'a str {
        match (self.provider, self.by_model) {
            (_, Some(name)) => name,
            (Some(Provider::Named(name) | Provider::Settings(name)), None) => name,
            (Some(Provider::Passthrough) | None, None) => "passthrough",
        }
    }
}

/// What `forward_authorization` says for one target, by whose word it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forward {
    pub callers: Option<bool>,
    pub operators: Option<bool>,
}

/// A provider of the settings goes to its own host and to no other.
fn refuse_host(path: &str, place: Place, provider: &str) -> GatewayError {
    let message = format!(
        "{path}: {} names a host for @{provider}, a provider that has its own host in the \
         gateway's settings. Leave out the host or the provider",
        place.written(path)
    );
    GatewayError::new(Code::InvalidConfig, message)
}

fn unknown(written: &Provider, path: &str, given: &Given<'_>, known: &Known) -> GatewayError {
    let (sign, name) = match written {
        Provider::Passthrough => ("", "passthrough"),
        Provider::Named(name) => ("", name.as_str()),
        Provider::Settings(name) => ("@", name.as_str()),
    };
    // What is longer than any provider's name may be a key in the wrong place: it is not repeated.
    let called = match name.len() > LONGEST_REPEATED {
        true => "that",
        false => &format!("{sign}{name}"),
    };
    let message = format!(
        "no provider is called {called}{}: use passthrough with a custom host, a provider of \
         the settings (@name), or one of {}",
        suggest::did_you_mean(meant(written, name, known).as_deref()),
        catalogue::names()
    );
    match given.in_config {
        true => GatewayError::new(Code::InvalidConfig, format!("{path}.provider: {message}")),
        false => GatewayError::new(Code::UnknownProvider, message),
    }
}

/// The provider that was probably meant.
fn meant(written: &Provider, name: &str, known: &Known) -> Option<String> {
    let catalogue = || catalogue::nearest(name).map(str::to_owned);
    let of_settings = || {
        let names = known.providers.keys().map(String::as_str);
        suggest::nearest_of_settings(name, names).map(|name| format!("@{name}"))
    };
    match written {
        Provider::Passthrough => None,
        Provider::Named(_) => catalogue().or_else(of_settings),
        Provider::Settings(_) => of_settings().or_else(catalogue),
    }
}
