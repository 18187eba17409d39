//! The console's files: pages, scripts and styles of `console/`, which are part of the program. A
//! debug build reads them from the source folder, so that a change shows at once.

mod tables;

use std::borrow::Cow;

use actix_http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::no_such_page;

/// Where the console is.
pub const PREFIX: &str = "/gateway/console/";
const INDEX: &str = "index.html";

/// Scripts and styles of our own alone, no frames, and no markup made of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    // A file is asked for again each time, and is sent again only when it has changed.
    (header::CACHE_CONTROL, "no-cache"),
];

#[derive(RustEmbed)]
#[folder = "console/"]
struct Files;

/// Adds the console to the gateway's own pages.
pub fn files(pages: &mut web::ServiceConfig) {
    let at = |path: &str| web::resource(path.to_owned());
    let get = || web::route().guard(super::reads()).to(file);
    pages
        .service(at("/gateway/console").route(web::route().guard(super::reads()).to(to_prefix)))
        .service(
            at("/gateway/console/{file:.*}")
                .route(get())
                .default_service(web::to(super::only_get)),
        );
}

async fn to_prefix() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, PREFIX))
        .finish()
}

async fn file(request: HttpRequest) -> HttpResponse {
    let path = request.path().strip_prefix(PREFIX).unwrap_or_default();
    let path = if path.is_empty() { INDEX } else { path };
    let Some((content, tag)) = content(path) else {
        return no_such_page().response().map_into_boxed_body().into();
    };
    let known = request.headers().get(header::IF_NONE_MATCH);
    let is_known =
        tag.is_some() && known.map(HeaderValue::as_bytes) == tag.as_deref().map(str::as_bytes);
    let mut response = match is_known {
        true => HttpResponse::NotModified().finish(),
        false => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, media_type(path)))
            .body(content.into_owned()),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(Ok(tag)) = tag.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// A file's content, and its entity tag unless it is made anew each time.
fn content(path: &str) -> Option<(Cow<'static, [u8]>, Option<String>)> {
    if path == tables::FILE {
        return Some((Cow::Owned(tables::json().into_bytes()), None));
    }
    let found = Files::get(path)?;
    let tag = tag(&found);
    Some((found.data, Some(tag)))
}

fn tag(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let start = digest.iter().take(8);
    let hex: String = start.map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn media_type(path: &str) -> &'static str {
    let ending = path.rsplit('.').next();
    match ending.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
