//! Who may use the gateway? Finds the gateway key of a request and takes it out of the request's
//! head, so that nothing that comes after can send it on.

use std::sync::Arc;

use actix_http::{
    RequestHead, Uri,
    header::{HeaderName, HeaderValue},
};
use jiff::Timestamp;

use crate::{
    config::Settings,
    directives::table::{NAMESPACE, PORTKEY_NAMESPACE},
    error::{Code, GatewayError},
    identity::{
        Identity,
        allow::Refusal,
        directory::{Directory, KeyRefused},
        places::{self, Found, Misplaced, Presented},
    },
};

const API_KEY: HeaderName = HeaderName::from_static("x-gateway-api-key");
const PORTKEY_API_KEY: HeaderName = HeaderName::from_static("x-portkey-api-key");

/// The keys, and whether one is needed.
#[derive(Clone)]
pub struct Access {
    directory: Arc<Directory>,
    needs_key: bool,
    /// Requests are searched for keys. A gateway that has never had one sends everything on as it
    /// came.
    looks: bool,
    portkey: bool,
}

/// The key that was taken out of a request, if it had one.
pub struct Taken(Result<Option<Found>, Misplaced>);

impl Access {
    /// `directory`: the keys of settings and store together. `before`: what was in force before.
    pub fn new(settings: &Settings, directory: Arc<Directory>, before: Option<&Access>) -> Self {
        let has_keys = directory.keys().next().is_some();
        let needs_key = settings.needs_key(has_keys);
        Access {
            directory,
            needs_key,
            looks: needs_key || has_keys || before.is_some_and(|it| it.looks),
            portkey: settings.portkey,
        }
    }

    /// The keys and teams.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Whether a request needs a key.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Takes the key out of a request's head, wherever it stands.
    pub fn take(&self, head: &mut RequestHead) -> Taken {
        if !self.looks {
            return Taken(Ok(None));
        }
        let found = self.find(head);
        // A head that stays as it is is not taken apart.
        if !matches!(found, Ok(None)) {
            remove_keys(head);
        }
        Taken(found)
    }

    /// Whose the key is that was taken.
    ///
    /// # Errors
    /// `invalid_gateway_key`: the key does not open the gateway. `invalid_header`: there are two,
    /// or one stands where it is not looked for.
    pub fn holder(
        &self,
        taken: &Taken,
        head: &RequestHead,
    ) -> Result<Option<&Identity>, GatewayError> {
        let found = taken
            .0
            .as_ref()
            .map_err(|misplaced| misplaced_key(*misplaced))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let identity = self.directory.resolve(&found.key, Timestamp::now())?;
        check_rest(head)?;
        Ok(Some(identity.as_ref()))
    }

    /// Refuses a request without a key, if it needs one.
    ///
    /// # Errors
    /// `invalid_gateway_key`.
    pub fn check_needed(&self, holder: Option<&Identity>) -> Result<(), GatewayError> {
        match self.needs_key && holder.is_none() {
            true => Err(no_key()),
            false => Ok(()),
        }
    }

    /// Whose key a request of the gateway's own pages has, if it is valid.
    pub fn holder_of_page(&self, head: &RequestHead) -> Result<Option<&Identity>, GatewayError> {
        if !self.looks {
            return Ok(None);
        }
        match self.find(head).map_err(misplaced_key)? {
            None => Ok(None),
            Some(found) => {
                let identity = self.directory.resolve(&found.key, Timestamp::now())?;
                Ok(Some(identity.as_ref()))
            }
        }
    }

    fn find(&self, head: &RequestHead) -> Result<Option<Found>, Misplaced> {
        let headers = head.headers();
        let alias = || {
            self.portkey
                .then(|| headers.get(&PORTKEY_API_KEY))
                .flatten()
        };
        let own = headers.get(&API_KEY).or_else(alias);
        let own = own.map(|value| value.as_bytes().trim_ascii());
        places::find(&Presented {
            own: own.filter(|value| !value.is_empty()),
            headers,
            query: head.uri.query(),
        })
    }
}

fn remove_keys(head: &mut RequestHead) {
    let lines: Vec<_> = head
        .headers
        .iter()
        .filter(|(name, value)| has_key(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in lines {
        let kept: Vec<HeaderValue> = head
            .headers
            .remove(&name)
            .filter_map(|value| without_keys(&name, &value))
            .collect();
        for value in kept {
            head.headers.append(name.clone(), value);
        }
    }
    let Some(target) = head.uri.path_and_query() else {
        return;
    };
    let Some((path, query)) = target.as_str().split_once('?') else {
        return;
    };
    let left = match places::query_without_keys(query) {
        Some(left) if left.len() == query.len() => return,
        Some(left) => format!("{path}?{left}"),
        None => path.to_owned(),
    };
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = left.parse().ok();
    // What is left of a valid URI by whole parameters is one, too; a head that could not be put
    // together again would lose its path, and is then no route.
    head.uri = Uri::from_parts(parts).unwrap_or_default();
}

fn has_key(name: &HeaderName, value: &HeaderValue) -> bool {
    let text = name.as_str();
    let is_own = text.starts_with(NAMESPACE) || text.starts_with(PORTKEY_NAMESPACE);
    let left = places::line_without_keys(name, value.as_bytes());
    !is_own && left.is_none_or(|left| left.len() != value.as_bytes().len())
}

fn without_keys(name: &HeaderName, value: &HeaderValue) -> Option<HeaderValue> {
    let left = places::line_without_keys(name, value.as_bytes())?;
    HeaderValue::from_bytes(&left).ok()
}

/// Refuses a request in which a key stands where nobody looks for one: it would be sent on.
fn check_rest(head: &RequestHead) -> Result<(), GatewayError> {
    let in_target = head
        .uri
        .path_and_query()
        .is_some_and(|target| places::contains_key(target.as_str().as_bytes()));
    if in_target {
        return Err(misplaced("the request's path or query"));
    }
    match head
        .headers()
        .iter()
        .find(|(name, value)| strays(name, value))
    {
        Some((name, _)) => Err(misplaced(&format!("`{name}`"))),
        None => Ok(()),
    }
}

fn strays(name: &HeaderName, value: &HeaderValue) -> bool {
    let text = name.as_str();
    let is_own = text.starts_with(NAMESPACE) || text.starts_with(PORTKEY_NAMESPACE);
    !is_own && places::line_contains_key(value.as_bytes())
}

fn misplaced(place: &str) -> GatewayError {
    let message = format!(
        "a gateway key stands in {place}, from where it would be sent on: send it once, as \
         Authorization: Bearer or in x-gateway-api-key"
    );
    GatewayError::new(Code::InvalidHeader, message)
}

fn misplaced_key(misplaced: Misplaced) -> GatewayError {
    let code = match misplaced {
        Misplaced::NotAKey => Code::InvalidGatewayKey,
        Misplaced::Several { .. } => Code::InvalidHeader,
    };
    GatewayError::new(code, misplaced.to_string())
}

fn no_key() -> GatewayError {
    let message = "this gateway needs a key: send it where your SDK puts its API key, or in \
                   x-gateway-api-key";
    GatewayError::new(Code::InvalidGatewayKey, message)
}

impl From<KeyRefused> for GatewayError {
    fn from(refused: KeyRefused) -> Self {
        GatewayError::new(Code::InvalidGatewayKey, refused.to_string())
    }
}

impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        GatewayError::new(Code::NotAllowed, refusal.to_string())
    }
}
