//! The host of a target, where it was written, and whose word it is. The owner is part of the
//! host's type, so that only parts of the same owner can be bound to it (`binding`).

use std::marker::PhantomData;

use crate::{
    error::{Code, GatewayError},
    guard::{BaseUrlError, NamedBy},
};

/// Who may own the parts of a target.
pub(super) trait Owner {
    const NAMED_BY: NamedBy;
}

/// The sender of the request: its headers, its inline config, its body.
pub(super) enum Caller {}

/// Whoever wrote the settings: providers, saved configs, the default target.
pub(super) enum Operator {}

impl Owner for Caller {
    const NAMED_BY: NamedBy = NamedBy::Caller;
}

impl Owner for Operator {
    const NAMED_BY: NamedBy = NamedBy::Settings;
}

/// A host as it is written in a header, config or settings.
pub(super) struct Host<'a, O> {
    pub text: &'a str,
    place: Place,
    owner: PhantomData<O>,
}

/// Where a host was written, for errors.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `x-gateway-custom-host`.
    HostHeader,
    /// `x-gateway-provider`, for the catalogue's host of that name.
    ProviderHeader,
    Config,
    Settings,
}

/// The host of a target, and whose it is.
pub(super) enum AnyHost<'a> {
    Callers(Host<'a, Caller>),
    Operators(Host<'a, Operator>),
}

impl<'a, O: Owner> Host<'a, O> {
    pub fn new(text: &'a str, place: Place) -> Self {
        Host {
            text,
            place,
            owner: PhantomData,
        }
    }

    pub fn unreadable(&self, path: &str, error: &BaseUrlError) -> GatewayError {
        let code = match self.place {
            Place::HostHeader | Place::ProviderHeader => Code::InvalidHeader,
            Place::Config => Code::InvalidConfig,
            Place::Settings => Code::Internal,
        };
        GatewayError::new(code, format!("{}: {error}", self.place.written(path)))
    }
}

impl Place {
    pub fn written(self, path: &str) -> String {
        match self {
            Place::HostHeader => "x-gateway-custom-host".to_owned(),
            Place::ProviderHeader => "x-gateway-provider".to_owned(),
            Place::Config => format!("{path}.custom_host"),
            Place::Settings => "the settings".to_owned(),
        }
    }
}

impl Host<'_, Caller> {
    /// The settings' `key` would go to this host.
    pub fn refuse_operators(&self, path: &str, key: &str) -> GatewayError {
        let message = format!(
            "{path}: {} names a host for a target whose {key} comes from the gateway's settings, \
             and that goes only to hosts the settings name. Leave the host out, or use a config \
             without {key}",
            self.place.written(path)
        );
        GatewayError::new(Code::InvalidConfig, message)
    }
}
