//! Who may use the gateway? Finds the gateway key of a request and takes it out of the request's
//! head, so that nothing that comes after can send it on.

use std::sync::Arc;

use actix_http::{
    RequestHead, Uri,
    header::{HeaderMap, HeaderName, HeaderValue},
    uri::PathAndQuery,
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use jiff::Timestamp;

use crate::{
    config::Settings,
    directives,
    error::{Code, GatewayError},
    identity::{
        Identity, KeyId,
        allow::Refusal,
        directory::{Directory, KeyRefused},
        places::{self, Found, Line, Misplaced, Places, Search, look_at_line},
        token::KEY_LENGTH,
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

/// The path of a request that had a key in its own: the log must not show it.
const PATH_WITHOUT_KEY: &str = "/v1/-";

/// The key that was taken out of a request, if it had one.
pub struct Taken {
    found: Result<Option<Found>, Misplaced>,
    /// Where a key stood that is no credential there, and would be logged.
    astray: Option<String>,
    /// Where a key stands that would be sent on.
    stray: Option<String>,
}

/// What one pass over a request's head finds.
struct Sight {
    found: Result<Option<Found>, Misplaced>,
    /// Directives that hold a key.
    astray: Vec<HeaderName>,
    /// The first other line that holds one.
    stray: Option<HeaderName>,
}

impl Sight {
    /// Whether keys are to be taken out, and from where if that is known.
    fn places(&self) -> Option<Option<Places>> {
        match &self.found {
            Ok(None) => None,
            Ok(Some(found)) => Some(Some(found.places)),
            Err(_) => Some(None),
        }
    }
}

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
            return Taken {
                found: Ok(None),
                astray: None,
                stray: None,
            };
        }
        let mut sight = self.look(head);
        // A head that stays as it is is not taken apart.
        if let Some(places) = sight.places() {
            let left = places::remove_from_lines(&mut head.headers, places);
            sight.stray = sight.stray.or(left.cloned());
            remove_from_query(head);
        }
        let mut stray = sight.stray.map(|name| format!("`{name}`"));
        if places::contains_key(head.uri.query().unwrap_or_default().as_bytes()) {
            stray = Some("the request's query".to_owned());
        }
        Taken {
            found: sight.found,
            astray: remove_astray(head, sight.astray),
            stray,
        }
    }

    /// Looks at each line once.
    fn look(&self, head: &RequestHead) -> Sight {
        let mut search = Search::default();
        let seen_own = match self.own_value(&head.headers) {
            Some(own) => search.see_own(own),
            None => Ok(()),
        };
        let mut astray = Vec::new();
        let mut stray = None;
        for (name, value) in &head.headers {
            if value.len() < KEY_LENGTH {
                continue;
            }
            if self.is_ours(name) {
                if !self.is_for_keys(name) && directive_contains_key(value) {
                    astray.push(name.clone());
                }
            } else if look_at_line(name, value.as_bytes(), &mut search) == Line::Stray {
                stray.get_or_insert_with(|| name.clone());
            }
        }
        places::read_query(head.uri.query().unwrap_or_default(), &mut search);
        Sight {
            found: seen_own.and_then(|()| search.finish()),
            astray,
            stray,
        }
    }

    /// The value of `x-gateway-api-key` or its alias, if it is not empty.
    fn own_value<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let alias = || match self.portkey {
            true => first_given(headers, &PORTKEY_API_KEY),
            false => None,
        };
        first_given(headers, &API_KEY).or_else(alias)
    }

    fn is_ours(&self, name: &HeaderName) -> bool {
        directives::is_ours(name, self.portkey)
    }

    fn is_for_keys(&self, name: &HeaderName) -> bool {
        *name == API_KEY || (self.portkey && *name == PORTKEY_API_KEY)
    }

    /// Whose the key is that was taken.
    ///
    /// # Errors
    /// `invalid_gateway_key`: the key does not open the gateway. `invalid_header`: there are two,
    /// or one stands where it is not looked for.
    pub fn holder(&self, taken: &Taken) -> Result<Option<&Identity>, GatewayError> {
        if let Some(place) = &taken.astray {
            return Err(misplaced(place));
        }
        let found = taken
            .found
            .as_ref()
            .map_err(|misplaced| misplaced_key(*misplaced))?;
        let identity = match found {
            Some(found) => Some(self.directory.resolve(&found.key, Timestamp::now())?),
            None => None,
        };
        match &taken.stray {
            // What needs a key and has none is not sent, whatever stands in it.
            Some(place) if identity.is_some() || !self.needs_key => Err(misplaced(place)),
            Some(_) | None => Ok(identity.map(AsRef::as_ref)),
        }
    }

    /// The holder of the key with this id.
    ///
    /// # Errors
    /// `invalid_gateway_key`.
    pub fn holder_of_id(&self, id: KeyId) -> Result<&Identity, GatewayError> {
        Ok(self.directory.resolve_id(id, Timestamp::now())?)
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
        match self.look(head).found.map_err(misplaced_key)? {
            None => Ok(None),
            Some(found) => {
                let identity = self.directory.resolve(&found.key, Timestamp::now())?;
                Ok(Some(identity.as_ref()))
            }
        }
    }
}

/// The first line of a header that is not empty.
fn first_given<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let values = headers.get_all(name);
    let mut values = values.map(|value| value.as_bytes().trim_ascii());
    values.find(|value| !value.is_empty())
}

/// A key in a line of the gateway's own, which may be a config in base64.
fn directive_contains_key(value: &HeaderValue) -> bool {
    let value = value.as_bytes().trim_ascii();
    if places::contains_key(value) {
        return true;
    }
    let end = value.iter().rposition(|byte| *byte != b'=');
    let value = &value[..end.map_or(0, |end| end + 1)];
    let could_be = value.len() > KEY_LENGTH && !value.starts_with(b"{");
    could_be
        && [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD]
            .iter()
            .any(|alphabet| {
                let decoded = alphabet.decode(value);
                decoded.is_ok_and(|decoded| places::contains_key(&decoded))
            })
}

/// Takes keys out of directives and of the path, from where logs and replies repeat them. Says
/// where the first stood.
fn remove_astray(head: &mut RequestHead, directives: Vec<HeaderName>) -> Option<String> {
    for name in &directives {
        head.headers.remove(name);
    }
    let mut place = directives.first().map(|name| format!("`{name}`"));
    if places::contains_key(head.uri.path().as_bytes()) {
        let mut parts = head.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(PATH_WITHOUT_KEY));
        head.uri = Uri::from_parts(parts).unwrap_or_default();
        place = place.or_else(|| Some("the request's path".to_owned()));
    }
    place
}

fn remove_from_query(head: &mut RequestHead) {
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
