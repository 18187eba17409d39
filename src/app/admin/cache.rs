//! `/gateway/admin/v1/cache`: how full the cache of responses is, and purges.

use std::sync::Arc;

use actix_web::{http::Method, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Response, object};
use crate::{
    cache::{
        key::{CacheKey, Namespace, NoKey},
        memory::MemoryStore,
        redis::RedisStore,
    },
    error::{Code, GatewayError},
    gateway::Gateway,
    redis_client::Unavailable,
};

/// `GET`: how full the cache is. `DELETE`: removes stored responses.
pub(super) async fn cache(call: Call) -> Response {
    let gateway = call.control.current.get();
    match *call.request.method() {
        Method::DELETE => purge(&gateway, call.request.query_string()).await,
        _ => stats(gateway).await,
    }
}

async fn stats(gateway: Arc<Gateway>) -> Response {
    if gateway.process.cache.shared.is_some() {
        return Ok(object(&json!({ "store": "redis" })));
    }
    // Counting tidies up the cache first, which may take long.
    let stats = web::block(move || gateway.process.cache.memory.stats()).await;
    let stats = stats.map_err(|_| broken_off())?;
    let (entries, bytes) = (stats.entries, stats.bytes);
    Ok(object(
        &json!({ "store": "memory", "entries": entries, "bytes": bytes }),
    ))
}

/// What to remove, as the query says it; exactly one field is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    namespace: Option<String>,
    key: Option<String>,
    all: Option<bool>,
}

/// What to remove.
enum Which {
    Namespace(Box<str>),
    Key(CacheKey),
    All,
}

impl Which {
    fn of(query: &str) -> Result<Self, GatewayError> {
        let refuse = |message: String| Err(GatewayError::new(Code::InvalidQuery, message));
        let asked = web::Query::<Asked>::from_query(query).map(web::Query::into_inner);
        match asked {
            // Escapes that are not UTF-8 have become replacement characters, which no name has.
            Ok(Asked {
                namespace: Some(name),
                key: None,
                all: None,
            }) if !name.is_empty() && !has_broken_escape(query) => {
                Ok(Which::Namespace(name.into()))
            }
            Ok(Asked {
                namespace: None,
                key: Some(key),
                all: None,
            }) => match key.parse() {
                Ok(key) => Ok(Which::Key(key)),
                Err(error) => refuse(NoKey::to_string(&error)),
            },
            Ok(Asked {
                namespace: None,
                key: None,
                all: Some(true),
            }) => Ok(Which::All),
            Ok(_) | Err(_) => {
                refuse("say what to take out: ?namespace=NAME, ?key=KEY or ?all=true".to_owned())
            }
        }
    }
}

/// A per cent sign without two hexadecimal digits, or bytes that are not UTF-8.
fn has_broken_escape(query: &str) -> bool {
    let mut parts = query.split('%');
    parts.next();
    let bad_digits = parts.any(|part| {
        !part
            .get(..2)
            .is_some_and(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))
    });
    bad_digits
        || percent_encoding::percent_decode_str(query)
            .decode_utf8()
            .is_err()
}

async fn purge(gateway: &Gateway, query: &str) -> Response {
    let which = Which::of(query)?;
    let purged = match &gateway.process.cache.shared {
        Some(shared) => from_redis(shared, &which).await.map_err(|Unavailable| {
            let message = "the cache's Redis does not answer: nothing was taken out";
            GatewayError::new(Code::Overloaded, message)
        }),
        None => {
            let memory = gateway.process.cache.memory.clone();
            let purged = web::block(move || from_memory(&memory, &which)).await;
            purged.map_err(|_| broken_off())
        }
    };
    Ok(object(&json!({ "purged": purged? })))
}

fn from_memory(memory: &MemoryStore, which: &Which) -> Value {
    match which {
        Which::Namespace(name) => {
            namespaces(name).iter().for_each(|it| memory.purge(it));
            json!({ "namespace": name })
        }
        Which::Key(key) => json!({ "key": key.to_string(), "found": memory.remove(key) }),
        Which::All => {
            memory.purge_all();
            json!("all")
        }
    }
}

async fn from_redis(shared: &RedisStore, which: &Which) -> Result<Value, Unavailable> {
    Ok(match which {
        Which::Namespace(name) => {
            for namespace in namespaces(name) {
                shared.purge(&namespace).await?;
            }
            json!({ "namespace": name })
        }
        Which::Key(key) => json!({ "key": key.to_string(), "found": shared.remove(key).await? }),
        Which::All => {
            shared.purge_all().await?;
            json!("all")
        }
    })
}

/// The namespaces of this name: callers' and the settings'.
fn namespaces(name: &str) -> [Namespace; 2] {
    [
        Namespace::Caller(name.into()),
        Namespace::Settings(name.into()),
    ]
}

fn broken_off() -> GatewayError {
    GatewayError::new(Code::Internal, "the work was broken off")
}
