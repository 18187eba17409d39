//! Finds values in a JSON body at any depth, in one pass and without building a tree of it.

use std::{borrow::Cow, collections::HashMap};

use super::entries::{Text, each_entry, each_item};

/// The fields of a body that the gateway itself uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `model`, if it is a text.
    pub model: Option<String>,
    /// `"stream": true`.
    pub stream: bool,
}

/// Reads them in one pass. If the body is not a JSON object, none is set.
pub fn said(body: &[u8]) -> Said {
    let (mut model, mut stream) = (None, false);
    let read = each_entry(body, |key, value| match &*key {
        "model" => model = Some(value),
        "stream" => stream = value == "true",
        _ => {}
    });
    if read.is_err() {
        return Said::default();
    }
    let model: Option<Text<'_>> = model.and_then(|value| serde_json::from_str(value).ok());
    Said {
        model: model.map(|text| text.0.into_owned()),
        stream,
    }
}

/// Paths of object keys and list indices, as a tree of their common prefixes.
#[derive(Debug, Default)]
pub struct Paths {
    /// The indices in the result that receive the value here.
    wanted: Vec<usize>,
    below: HashMap<Box<str>, Paths>,
}

impl Paths {
    /// Adds a path whose value goes to index `place` of the result.
    pub fn add<'p>(&mut self, path: impl IntoIterator<Item = &'p str>, place: usize) {
        let mut paths = self;
        for part in path {
            paths = paths.below.entry(part.into()).or_default();
        }
        paths.wanted.push(place);
    }

    /// The values as written, in a result of `places` entries. The last of duplicate keys counts;
    /// in a body that is not JSON, nothing is found.
    pub fn find<'b>(&self, body: &'b [u8], places: usize) -> Vec<Option<&'b str>> {
        let mut found = vec![None; places];
        if let Ok(text) = std::str::from_utf8(body) {
            self.look(text, &mut found);
        }
        found
    }

    fn look<'b>(&self, text: &'b str, found: &mut [Option<&'b str>]) {
        if self.below.is_empty() {
            return;
        }
        let mut last: HashMap<&str, &'b str> = HashMap::new();
        let read = match text.trim_start().as_bytes().first() {
            Some(b'{') => each_entry(text.as_bytes(), |key: Cow<'_, str>, value| {
                if let Some((part, _)) = self.below.get_key_value(&*key) {
                    last.insert(part, value);
                }
            }),
            Some(b'[') => {
                let places = self.places();
                each_item(text, |place, item| {
                    for part in places.get(&place).into_iter().flatten() {
                        last.insert(part, item);
                    }
                })
            }
            _ => return,
        };
        if read.is_err() {
            return;
        }
        for (part, value) in last {
            if let Some(paths) = self.below.get(part) {
                paths.wanted.iter().for_each(|at| found[*at] = Some(value));
                paths.look(value, found);
            }
        }
    }

    /// The path segments that are list indices; one index can be written in several ways.
    fn places(&self) -> HashMap<usize, Vec<&str>> {
        let mut places: HashMap<usize, Vec<&str>> = HashMap::new();
        for part in self.below.keys() {
            if let Ok(place) = part.parse() {
                places.entry(place).or_default().push(part);
            }
        }
        places
    }
}

/// Emits JSON text without the white space between tokens; everything else is unchanged.
pub fn compact(text: &str, mut put: impl FnMut(&[u8])) {
    let (mut in_text, mut escaped, mut begin) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            put(&text.as_bytes()[begin..at]);
            begin = at + 1;
        } else {
            in_text = byte == b'"';
        }
    }
    put(&text.as_bytes()[begin..]);
}
