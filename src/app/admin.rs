//! What the operator may do while the gateway runs, under `/gateway/admin/`. Closed unless the
//! settings have an `admin_token`.

use actix_web::{HttpRequest, HttpResponse, Resource, http::header::CONTENT_TYPE, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ADMIN_CACHE, Pages};
use crate::{
    cache::{
        key::{CacheKey, Namespace, NoKey},
        memory::MemoryStore,
        redis::RedisStore,
    },
    error::{Code, GatewayError},
    redis_client::Unavailable,
};

/// `GET`: how full the cache is. `DELETE`: removes stored responses.
pub fn cache() -> Resource {
    web::resource(ADMIN_CACHE)
        .route(web::get().to(stats))
        .route(web::delete().to(purge))
        .default_service(web::to(neither))
}

async fn stats(pages: Pages, request: HttpRequest) -> HttpResponse {
    let gateway = pages.get();
    if let Err(error) = gateway.check_admin(request.headers()) {
        return refuse(&error);
    }
    if gateway.process.cache.shared.is_some() {
        return json(&json!({ "store": "redis" }));
    }
    // Counting tidies up the cache first, which may take long.
    match web::block(move || gateway.process.cache.memory.stats()).await {
        Ok(stats) => {
            json(&json!({ "store": "memory", "entries": stats.entries, "bytes": stats.bytes }))
        }
        Err(_) => refuse(&broken_off()),
    }
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

async fn purge(pages: Pages, request: HttpRequest) -> HttpResponse {
    let gateway = pages.get();
    let which = gateway
        .check_admin(request.headers())
        .and_then(|()| Which::of(request.query_string()));
    let which = match which {
        Ok(which) => which,
        Err(error) => return refuse(&error),
    };
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
    match purged {
        Ok(purged) => json(&json!({ "purged": purged })),
        Err(error) => refuse(&error),
    }
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

async fn neither() -> HttpResponse {
    let message = "this page takes GET and DELETE";
    let mut response = refuse(&GatewayError::new(Code::MethodNotAllowed, message));
    let allowed = actix_http::header::HeaderValue::from_static("GET, DELETE");
    response
        .headers_mut()
        .insert(actix_http::header::ALLOW, allowed);
    response
}

fn broken_off() -> GatewayError {
    GatewayError::new(Code::Internal, "the work was broken off")
}

fn json(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(format!("{value}\n"))
}

fn refuse(error: &GatewayError) -> HttpResponse {
    error.response().map_into_boxed_body().into()
}
