//! The facts about a request that conditions and sticky balancing may name: the short ones are
//! copied out of the head, values in the body are all found in one look when the first is asked
//! for.

use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use actix_http::RequestHead;
use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Code, GatewayError},
    json_edit::{self, Paths},
    memory::Share,
    proxy::offload,
    route::{
        condition::{Facts, Field, MOST_TESTED_ITEMS, TooManyItems},
        decided::Decided,
        tree::Tree,
    },
};

/// Bytes of the body, times the tests of values in it, that are looked at on the worker itself.
const SHORT_TESTS: usize = 4 * offload::SHORT;
/// Work of patterns (see `Condition::pattern_work`) that is done on the worker itself: a fifth of a
/// millisecond.
const SHORT_PATTERN_WORK: usize = 1 << 23;

/// Bytes of a value in the body that is not told by its digest.
const LONGEST_AS_IT_IS: usize = 1024;

/// Where a request's facts are.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub head: &'a RequestHead,
    pub path: &'a str,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The body, where a condition asks for values in it.
    pub body: &'a Bytes,
}

/// Finds out what a request decides of a tree; beside the worker, where that may take long.
///
/// # Errors
/// `body_too_large`: a condition looks at a list that is too long. `internal`.
pub async fn decide(
    client: Share,
    tree: &Tree,
    source: Source<'_>,
) -> Result<Decided, GatewayError> {
    if !tree.is_decided_by_facts() {
        return Ok(Decided::default());
    }
    let facts = RequestFacts::gather(tree, source);
    let decided = match facts.takes_long(tree) {
        false => Decided::by(tree, &facts),
        true => {
            let tree = tree.clone();
            offload::offload(client, move || Decided::by(&tree, &facts)).await?
        }
    };
    decided.map_err(|TooManyItems| {
        let message = format!(
            "a condition of the config looks at a list in the request body that has more than \
             {MOST_TESTED_ITEMS} items"
        );
        GatewayError::new(Code::BodyTooLarge, message)
    })
}

/// One request's facts, as far as one tree asks for them.
struct RequestFacts {
    texts: HashMap<Field, Value>,
    params: HashMap<Field, Param>,
    /// How often values in the body are asked for.
    param_tests: usize,
    body: Bytes,
    /// Where the values lie in the body, by [`Param::place`].
    found: OnceCell<Vec<Option<Range<usize>>>>,
}

struct Param {
    place: usize,
    tested: OnceCell<Result<Option<Value>, TooManyItems>>,
    text: OnceCell<Option<Box<str>>>,
}

impl RequestFacts {
    fn gather(tree: &Tree, source: Source<'_>) -> Self {
        let mut facts = RequestFacts {
            texts: HashMap::new(),
            params: HashMap::new(),
            param_tests: 0,
            body: source.body.clone(),
            found: OnceCell::new(),
        };
        tree.each_field(&mut |field| facts.add(field, source));
        facts
    }

    fn add(&mut self, field: &Field, source: Source<'_>) {
        if matches!(field, Field::Param(_)) {
            self.param_tests += 1;
            let place = self.params.len();
            let param = || Param {
                place,
                tested: OnceCell::new(),
                text: OnceCell::new(),
            };
            self.params.entry(field.clone()).or_insert_with(param);
        } else if !self.texts.contains_key(field)
            && let Some(text) = source.text(field)
        {
            self.texts.insert(field.clone(), text.into());
        }
    }

    fn takes_long(&self, tree: &Tree) -> bool {
        let tested = self.body.len().saturating_mul(self.param_tests);
        let length = |field: &Field| match self.texts.get(field) {
            Some(text) => text.as_str().map_or(0, str::len),
            None if self.params.contains_key(field) => self.body.len(),
            None => 0,
        };
        tested > SHORT_TESTS
            || (self.param_tests > 0 && self.body.len() > offload::SHORT)
            || tree.pattern_work(&length) > SHORT_PATTERN_WORK
    }

    /// A value in the body, as written.
    fn written(&self, param: &Param) -> Option<&str> {
        let found = self.found.get_or_init(|| self.find());
        let span = found.get(param.place)?.clone()?;
        std::str::from_utf8(self.body.get(span)?).ok()
    }

    fn find(&self) -> Vec<Option<Range<usize>>> {
        let mut paths = Paths::default();
        for (field, param) in &self.params {
            if let Field::Param(path) = field {
                paths.add(path.iter().map(|part| &**part), param.place);
            }
        }
        let start = self.body.as_ptr() as usize;
        let found = paths.find(&self.body, self.params.len()).into_iter();
        let span = |value: &str| {
            let begin = value.as_ptr() as usize - start;
            begin..begin + value.len()
        };
        found.map(|value| value.map(span)).collect()
    }
}

impl Source<'_> {
    fn text(&self, field: &Field) -> Option<&str> {
        match field {
            Field::Metadata(key) => self.metadata?.get(&**key).map(String::as_str),
            Field::Header(name) => self.head.headers().get(&**name)?.to_str().ok(),
            Field::Method => Some(self.head.method.as_str()),
            Field::Path => Some(self.path),
            Field::Param(_) => None,
        }
    }
}

impl Facts for RequestFacts {
    fn get(&self, field: &Field) -> Result<Option<Cow<'_, Value>>, TooManyItems> {
        let Some(param) = self.params.get(field) else {
            return Ok(self.texts.get(field).map(Cow::Borrowed));
        };
        let tested = param.tested.get_or_init(|| match self.written(param) {
            Some(written) => tested(written),
            None => Ok(None),
        });
        match tested {
            Ok(value) => Ok(value.as_ref().map(Cow::Borrowed)),
            Err(too_many) => Err(too_many.clone()),
        }
    }

    fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
        let Some(param) = self.params.get(field) else {
            let text = self.texts.get(field)?;
            return Some(Cow::Owned(text.to_string()));
        };
        let text = param.text.get_or_init(|| text(self.written(param)?));
        text.as_deref().map(Cow::Borrowed)
    }
}

fn single(written: &str) -> Option<Value> {
    serde_json::from_str(written).ok()
}

/// A value as requests are told alike by it: as it is, or, if it is long, by its digest.
fn text(written: &str) -> Option<Box<str>> {
    let mut digest = Sha256::new();
    if written.starts_with(['{', '[']) {
        json_edit::compact(written, |piece| digest.update(piece));
    } else {
        let text = single(written)?.to_string();
        if text.len() <= LONGEST_AS_IT_IS {
            return Some(text.into());
        }
        digest.update(text);
    }
    let bytes: [u8; 32] = digest.finalize().into();
    Some(bytes.map(|byte| format!("{byte:02x}")).concat().into())
}

/// A value as tests look at it: what lies deeper has paths of its own.
fn tested(written: &str) -> Result<Option<Value>, TooManyItems> {
    if written.starts_with('{') {
        return Ok(Some(Value::Object(Map::new())));
    }
    if !written.starts_with('[') {
        return Ok(single(written));
    }
    let (mut items, mut count) = (Vec::new(), 0);
    let read = json_edit::each_item(written, |place, item| {
        count = place + 1;
        if count <= MOST_TESTED_ITEMS && !item.starts_with(['{', '[']) {
            items.extend(single(item));
        }
    });
    match count > MOST_TESTED_ITEMS {
        true => Err(TooManyItems),
        false => Ok(read.is_ok().then_some(Value::Array(items))),
    }
}

#[cfg(test)]
mod tests;
