//! Conditions on a request: what a config may ask about it, and whether it holds.

use std::borrow::Cow;

/// One fact about a request that conditions and sticky balancing may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `metadata.KEY`.
    Metadata(Box<str>),
    /// `params.KEY.KEY...`: a value in the JSON body, at any depth; numbers count in lists.
    Param(Box<[Box<str>]>),
    /// `headers.NAME`, lower-cased.
    Header(Box<str>),
    /// `method`.
    Method,
    /// `url.pathname`: the raw path as the client sent it.
    Path,
}

/// Where the facts come from.
pub trait Facts {
    /// The fact's value as JSON; `None` where the request has no such thing.
    fn get(&self, field: &Field) -> Option<Cow<'_, serde_json::Value>>;
}

/// A condition, read and checked; regular expressions are compiled.
pub struct Condition;
