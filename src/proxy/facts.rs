//! The facts about a request that conditions and sticky balancing may name.

use std::{borrow::Cow, collections::BTreeMap};

use actix_http::RequestHead;
use serde_json::Value;

use crate::{
    route::condition::{Facts, Field},
    splice,
};

/// One request's facts.
pub struct RequestFacts<'a> {
    pub head: &'a RequestHead,
    pub path: &'a str,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The body, where a condition asks for values in it.
    pub body: &'a [u8],
}

impl Facts for RequestFacts<'_> {
    fn get(&self, field: &Field) -> Option<Cow<'_, Value>> {
        let text = |text: &str| Some(Cow::Owned(Value::from(text)));
        match field {
            Field::Metadata(key) => text(self.metadata?.get(&**key)?),
            Field::Header(name) => text(self.head.headers().get(&**name)?.to_str().ok()?),
            Field::Method => text(self.head.method.as_str()),
            Field::Path => text(self.path),
            Field::Param(path) => {
                let path: Vec<&str> = path.iter().map(|key| &**key).collect();
                splice::find(self.body, &path).map(Cow::Owned)
            }
        }
    }
}
