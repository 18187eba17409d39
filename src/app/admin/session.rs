//! `/gateway/admin/v1/session`: signs browsers in and out. A session is a cookie that scripts
//! cannot read and that other sites' pages cannot make a browser send.

use std::time::Duration;

use actix_http::{
    StatusCode,
    header::{CACHE_CONTROL, HeaderValue, SET_COOKIE},
};
use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Response, body, object};
use crate::{
    control::Control,
    error::{Code, GatewayError},
    gateway::{Gateway, SESSION_COOKIE, SESSION_LONGEST, SignedIn, Viewer, check_fetch_site},
    identity::document,
};

/// `POST` signs in, `GET` tells who is signed in, `DELETE` signs out.
pub(super) async fn session(
    control: &Control,
    request: &HttpRequest,
    payload: web::Payload,
) -> Response {
    let gateway = control.current.get();
    match *request.method() {
        Method::POST => sign_in(&gateway, request, payload).await,
        Method::DELETE => sign_out(&gateway, request),
        _ => Ok(object(&shown(&gateway.viewer(request.head())?))),
    }
}

/// `POST /gateway/admin/v1/session/links`: the code of a link that opens one session.
pub(super) async fn new_link(
    control: &Control,
    request: &HttpRequest,
    payload: web::Payload,
) -> Response {
    let gateway = control.current.get();
    gateway.check_link_maker(request.head())?;
    // A body that is still under way when the response is complete delays the connection's end.
    let _: Value = body::read(request, payload).await?;
    let code = gateway.process.sessions.new_link();
    let mut response = object(&json!({ "code": code.expose() }));
    *response.status_mut() = StatusCode::CREATED;
    Ok(not_stored(response))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The admin token, the key of a viewer or an admin, or the code of a link.
    token: String,
}

async fn sign_in(gateway: &Gateway, request: &HttpRequest, payload: web::Payload) -> Response {
    check_fetch_site(request.headers())?;
    let read = body::read(request, payload).await?;
    let asked: SignIn = document::read(&read).map_err(|error| {
        GatewayError::about(Code::InvalidRequest, &error.path, error.to_string())
    })?;
    let from = request.peer_addr().map(|it| it.ip());
    let sessions = &gateway.process.sessions;
    sessions.count_try(from).map_err(|refused| {
        let message = "too many failed tries to sign in from this address: wait a minute";
        let mut error = GatewayError::new(Code::RateLimited, message);
        error.retry_after = Some(refused.retry_after);
        error
    })?;
    let who = gateway.who_signs_in(&asked.token)?;
    sessions.succeeded(from);
    let viewer = gateway.viewer_of(who)?;
    tracing::info!(who = %viewer.actor.name, "signed in to the console");
    let id = sessions.begin(who);
    let mut response = object(&shown(&viewer));
    *response.status_mut() = StatusCode::CREATED;
    set_cookie(&mut response, id.expose(), SESSION_LONGEST, gateway);
    Ok(not_stored(response))
}

fn sign_out(gateway: &Gateway, request: &HttpRequest) -> Response {
    check_fetch_site(request.headers())?;
    if let Some(id) = gateway.session_id(request.headers()) {
        gateway.process.sessions.end(id);
    }
    let mut response = HttpResponse::NoContent().finish();
    set_cookie(&mut response, "", Duration::ZERO, gateway);
    Ok(response)
}

fn shown(viewer: &Viewer) -> Value {
    json!({
        "name": viewer.actor.name,
        "role": viewer.role,
        "by": match viewer.who {
            Some(SignedIn::Token(_)) => "admin_token",
            Some(SignedIn::Key(_)) => "key",
            Some(SignedIn::Machine) => "link",
            None => "header",
        },
    })
}

fn set_cookie(response: &mut HttpResponse, id: &str, age: Duration, gateway: &Gateway) {
    let secure = match gateway.has_tls {
        true => "; Secure",
        false => "",
    };
    let cookie = format!(
        "{SESSION_COOKIE}={id}; Path=/gateway; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
        age.as_secs()
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn not_stored(mut response: HttpResponse) -> HttpResponse {
    let value = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}
