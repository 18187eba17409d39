//! Every URL that the gateway serves, on one screen: its own pages here; the proxy serves all
//! others.

mod admin;
pub mod console;
mod own_key;

use actix_http::{Method, body::BoxBody};
use actix_web::{
    App, FromRequest, Handler, HttpRequest, HttpResponse, dev::ServiceFactory, guard,
    http::header::CONTENT_TYPE, web,
};

use crate::{
    control::Control,
    error::{Code, GatewayError},
    gateway::{Current, Gateway},
};

/// The prefix of all the gateway's own pages.
pub const OWN_PREFIX: &str = "/gateway/";

/// Explains requests. It needs a worker's resources, so the proxy serves it.
pub const EXPLAIN: &str = "/gateway/explain";

/// Tests an endpoint. It needs a worker's resources, too.
const ENDPOINT_TEST: &str = "/gateway/admin/v1/endpoints/{id}/test";

/// The id in the path of a test.
pub fn tested_endpoint(path: &str) -> Option<&str> {
    let (before, after) = ENDPOINT_TEST.split_once("{id}")?;
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains(['/', '%'])).then_some(id)
}

/// Probed by orchestrators under any `Host`, so exempt from the rules for browsers.
pub const HEALTH_PREFIX: &str = "/gateway/health/";

/// The API's description (OpenAPI 3.1).
const OPENAPI: &str = include_str!("../openapi.yaml");

/// The gateway's own pages.
pub fn pages(
    control: Control,
) -> App<
    impl ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::new(control.current.clone()))
        .app_data(web::Data::new(control))
        .service(page("health/live", live))
        .service(page("health/ready", ready))
        .service(page("metrics", metrics))
        .service(own_page("key", own_key::page))
        .service(page("openapi.yaml", openapi))
        .configure(admin::api)
        .configure(console::files)
        .default_service(web::to(unknown))
}

type Pages = web::Data<Current>;

fn page(path: &str, respond: fn(&Gateway, &HttpRequest) -> HttpResponse) -> actix_web::Resource {
    let get = move |pages: Pages, request: HttpRequest| {
        std::future::ready(respond(&pages.get(), &request))
    };
    own_page(path, get)
}

fn own_page<F, A>(path: &str, get: F) -> actix_web::Resource
where
    F: Handler<A, Output = HttpResponse> + Copy,
    A: FromRequest + 'static,
{
    web::resource(format!("{OWN_PREFIX}{path}"))
        .route(web::get().to(get))
        .route(web::head().to(get))
        .default_service(web::to(only_get))
}

/// Liveness: the process responds.
fn live(_: &Gateway, _: &HttpRequest) -> HttpResponse {
    text("ok\n".to_owned())
}

/// Readiness: the process takes new requests. Without its store it does, too: requests with known
/// keys go on.
fn ready(gateway: &Gateway, _: &HttpRequest) -> HttpResponse {
    if gateway.process.is_draining() {
        return refuse(Code::Draining, "the gateway is shutting down");
    }
    text(format!("ready\nstore: {}\n", gateway.process.store.get()))
}

fn metrics(gateway: &Gateway, request: &HttpRequest) -> HttpResponse {
    let allowed = gateway
        .access
        .holder_of_page(request.head())
        .and_then(|holder| gateway.check_operator(request.headers(), holder, "metrics"));
    if let Err(error) = allowed {
        return error.response().map_into_boxed_body().into();
    }
    HttpResponse::Ok()
        .insert_header((
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ))
        .body(gateway.process.metrics.page())
}

fn openapi(_: &Gateway, _: &HttpRequest) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/yaml"))
        .body(OPENAPI)
}

/// The methods of pages that are only read.
fn reads() -> impl guard::Guard {
    guard::Any(guard::Get()).or(guard::Head())
}

async fn only_get(request: HttpRequest) -> HttpResponse {
    let mut response = refuse(Code::MethodNotAllowed, "this page takes GET and HEAD");
    let headers = response.headers_mut();
    headers.insert(
        actix_http::header::ALLOW,
        actix_http::header::HeaderValue::from_static("GET, HEAD"),
    );
    debug_assert!(request.method() != Method::GET);
    response
}

async fn unknown() -> HttpResponse {
    no_such_page().response().map_into_boxed_body().into()
}

/// The error for a URL under the prefix that is not a page.
pub fn no_such_page() -> GatewayError {
    GatewayError::new(Code::UnknownRoute, "the gateway has no such page")
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(body)
}

fn refuse(code: Code, message: &'static str) -> HttpResponse {
    let response = GatewayError::new(code, message).response();
    response.map_into_boxed_body().into()
}
