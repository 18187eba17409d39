//! Which endpoint a request's path means: the longest path that fits, by whole segments of raw
//! bytes.

use std::{collections::HashMap, fmt, sync::Arc};

use foldhash::quality::RandomState;

use super::Endpoint;

/// The most segments of an endpoint's path: so many beginnings of a request's path are looked up.
pub(super) const MOST_SEGMENTS: usize = 16;

/// All endpoints, by path.
#[derive(Clone, Default)]
pub struct Table {
    paths: HashMap<Box<str>, Vec<usize>, RandomState>,
    endpoints: Vec<Arc<Endpoint>>,
    /// The segments of the longest path.
    segments: usize,
}

/// Two endpoints that one request could mean, by their places in what the table was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub first: usize,
    pub second: usize,
}

/// What is at a path.
pub enum Lookup<'t> {
    /// No endpoint.
    Nothing,
    Found(Match<'t>),
    /// Endpoints that are switched off.
    Off,
    /// Endpoints of other methods, which are in `allow`.
    WrongMethod {
        allow: String,
    },
}

/// An endpoint that a request is for.
#[derive(Clone, Copy)]
pub struct Match<'t> {
    pub endpoint: &'t Endpoint,
    /// Its place in the table.
    pub index: usize,
}

/// Tables are what they were made of.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.endpoints == other.endpoints
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Table {
    /// # Errors
    /// Two endpoints share a path and a method.
    pub fn new(endpoints: impl IntoIterator<Item = Arc<Endpoint>>) -> Result<Self, Overlap> {
        let mut table = Table::default();
        for endpoint in endpoints {
            let second = table.len();
            let added = table.add(endpoint);
            added.map_err(|first| Overlap { first, second })?;
        }
        Ok(table)
    }

    /// Adds one at the end.
    ///
    /// # Errors
    /// The place of the first that shares a path and a method with it.
    pub fn add(&mut self, endpoint: Arc<Endpoint>) -> Result<(), usize> {
        if let Some(first) = self.meeting(&endpoint).next() {
            return Err(first);
        }
        let path = endpoint.path.as_str();
        self.segments = self.segments.max(path.split('/').skip(1).count());
        let at_path = self.paths.entry(path.into()).or_default();
        at_path.push(self.endpoints.len());
        self.endpoints.push(endpoint);
        Ok(())
    }

    /// The places of those that share a path and a method with this one.
    pub fn meeting(&self, endpoint: &Endpoint) -> impl Iterator<Item = usize> {
        let at_path = self.paths.get(endpoint.path.as_str());
        let at_path = at_path.into_iter().flatten().copied();
        at_path.filter(|place| meet(&self.endpoints[*place], endpoint))
    }

    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().map(AsRef::as_ref)
    }

    /// The endpoint at this place.
    pub fn get(&self, index: usize) -> Option<&Endpoint> {
        self.endpoints.get(index).map(AsRef::as_ref)
    }

    /// Whether an endpoint has this path.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains_key(path)
    }

    /// What a request of this method and raw path means. The longest path decides, whatever its
    /// methods: a shorter one is not asked in its place.
    pub fn find(&self, method: &str, path: &str) -> Lookup<'_> {
        if self.is_empty() {
            return Lookup::Nothing;
        }
        let mut ends = [0; MOST_SEGMENTS];
        let mut count = 0;
        let slashes = memchr::memchr_iter(b'/', path.as_bytes()).skip(1);
        for end in slashes.chain([path.len()]).take(self.segments) {
            ends[count] = end;
            count += 1;
        }
        for end in ends[..count].iter().rev() {
            let (path, below) = path.split_at(*end);
            let Some(at_path) = self.paths.get(path) else {
                continue;
            };
            let fit = at_path.iter().filter(|index| {
                let endpoint = &self.endpoints[**index];
                below.is_empty() || endpoint.include_subpath
            });
            if fit.clone().next().is_some() {
                return self.choose(fit.copied(), method);
            }
        }
        Lookup::Nothing
    }

    /// Of several at one path, the one for the method.
    fn choose(&self, fit: impl Iterator<Item = usize> + Clone, method: &str) -> Lookup<'_> {
        let at = |index: usize| Match {
            endpoint: &self.endpoints[index],
            index,
        };
        let mut enabled = fit.map(at).filter(|it| it.endpoint.enabled);
        if let Some(found) = enabled.clone().find(|it| it.endpoint.serves(method)) {
            return Lookup::Found(found);
        }
        if enabled.clone().next().is_none() {
            return Lookup::Off;
        }
        let mut allowed: Vec<&str> = Vec::new();
        while let Some(methods) = enabled.next().and_then(|it| it.endpoint.methods()) {
            allowed.extend(methods);
        }
        allowed.sort_unstable();
        Lookup::WrongMethod {
            allow: allowed.join(", "),
        }
    }
}

/// Whether two endpoints of one path share a method.
fn meet(one: &Endpoint, other: &Endpoint) -> bool {
    match (one.methods(), other.methods()) {
        (Some(mut methods), Some(_)) => methods.any(|method| other.serves(method)),
        (None, _) | (_, None) => true,
    }
}

#[cfg(test)]
mod tests;
