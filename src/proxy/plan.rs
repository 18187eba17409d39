//! Where a request goes: the first found of what the headers and the settings say. Pure.

use std::time::Duration;

use actix_http::header::HeaderValue;

use crate::{
    directives::{Directives, Provider},
    egress::NamedBy,
    error::{Code, GatewayError},
};

/// One target, named by somebody, not yet vetted. Cannot be printed: the text of a base URL may hold a credential.
pub struct Plan {
    target: String,
    named_by: NamedBy,
    provider: HeaderValue,
    request_timeout: Option<Duration>,
}

impl Plan {
    /// `x-gateway-provider` with its custom host, a custom host alone, then the settings' default target.
    pub fn choose(
        directives: Directives,
        default_target: Option<&str>,
    ) -> Result<Self, GatewayError> {
        refuse_what_is_not_built(&directives)?;
        let provider = provider_name(directives.provider.as_ref());
        let (target, named_by) = match (directives.provider, directives.custom_host) {
            (_, Some(custom_host)) => (custom_host, NamedBy::Caller),
            (None, None) => (configured(default_target)?, NamedBy::Settings),
            (Some(provider), None) => return Err(without_host(&provider)),
        };
        Ok(Plan {
            target,
            named_by,
            provider,
            request_timeout: directives.request_timeout,
        })
    }

    /// The base URL as written.
    pub fn target(&self) -> &str {
        &self.target
    }

    pub fn named_by(&self) -> NamedBy {
        self.named_by
    }

    /// The value of `x-gateway-provider` in the reply.
    pub fn provider(&self) -> &HeaderValue {
        &self.provider
    }

    /// The caller's own limit for the response head.
    pub fn request_timeout(&self) -> Option<Duration> {
        self.request_timeout
    }
}

fn configured(default_target: Option<&str>) -> Result<String, GatewayError> {
    default_target.map(str::to_owned).ok_or_else(|| {
        GatewayError::new(
            Code::NoTarget,
            "nothing says where this request should go: send x-gateway-custom-host (a base URL such as \
             https://my.vllm.com/v1), or set default_target in the settings",
        )
    })
}

fn without_host(provider: &Provider) -> GatewayError {
    match provider {
        Provider::Passthrough => GatewayError::new(
            Code::NoTarget,
            "x-gateway-provider: passthrough needs x-gateway-custom-host: the base URL to send the request to, \
             for example https://my.vllm.com/v1",
        ),
        Provider::Named(name) | Provider::Settings(name) => GatewayError::new(
            Code::UnknownProvider,
            format!("no provider is called {name}: use passthrough, with x-gateway-custom-host"),
        ),
    }
}

fn provider_name(provider: Option<&Provider>) -> HeaderValue {
    match provider {
        None | Some(Provider::Passthrough) => HeaderValue::from_static("passthrough"),
        Some(Provider::Named(name) | Provider::Settings(name)) => {
            // The directive's parser lets only letters, digits and a few signs through.
            HeaderValue::from_str(name).unwrap_or_else(|_| HeaderValue::from_static("-"))
        }
    }
}

/// A directive that would change what is sent, and is not there yet, is refused: nothing degrades silently.
fn refuse_what_is_not_built(directives: &Directives) -> Result<(), GatewayError> {
    if directives.config.is_some() {
        return Err(GatewayError::new(
            Code::InvalidConfig,
            "x-gateway-config is not available in this version; send x-gateway-custom-host instead",
        ));
    }
    if directives.dry_run {
        return Err(GatewayError::new(
            Code::InvalidHeader,
            "x-gateway-dry-run is not available in this version",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(
        provider: Option<Provider>,
        host: Option<&str>,
        default: Option<&str>,
    ) -> Result<String, Code> {
        let directives = Directives {
            provider,
            custom_host: host.map(str::to_owned),
            ..Directives::default()
        };
        Plan::choose(directives, default)
            .map(|plan| plan.target)
            .map_err(|error| error.code)
    }

    #[test]
    fn the_first_that_names_a_target_decides() {
        let (caller, settings) = (Some("http://a/v1"), Some("http://b/v1"));
        let named = || Some(Provider::Named("openai".into()));
        for (provider, host, default, expected) in [
            (
                Some(Provider::Passthrough),
                caller,
                settings,
                Ok("http://a/v1"),
            ),
            (named(), caller, settings, Ok("http://a/v1")),
            (None, caller, settings, Ok("http://a/v1")),
            (None, None, settings, Ok("http://b/v1")),
            (None, None, None, Err(Code::NoTarget)),
            (
                Some(Provider::Passthrough),
                None,
                settings,
                Err(Code::NoTarget),
            ),
            (named(), None, settings, Err(Code::UnknownProvider)),
        ] {
            assert_eq!(choose(provider, host, default), expected.map(str::to_owned));
        }
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let config = Directives {
            config: Some("{}".into()),
            ..Directives::default()
        };
        let dry_run = Directives {
            dry_run: true,
            ..Directives::default()
        };
        for directives in [config, dry_run] {
            assert!(Plan::choose(directives, Some("http://b/v1")).is_err());
        }
    }
}
