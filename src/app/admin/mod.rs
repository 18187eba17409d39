//! The admin API under `/gateway/admin/v1/`: which routes there are, who may use them, and in which
//! form they respond.

mod audit;
mod body;
mod budgets;
mod cache;
mod entity_tag;
mod key_limits;
mod live;
mod objects;
mod overview;
mod prices;
mod query;
mod records;
mod session;
mod usage;

use actix_http::header::{ALLOW, HeaderValue};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header::CONTENT_TYPE},
    web,
};
use serde_json::{Value, json};

use super::no_such_page;
use crate::{
    control::Control,
    error::{Code, GatewayError},
    gateway::{Actor, check_fetch_site},
    store::Kind,
};

/// Where the cache's page was before it was one of the API.
const OLD_CACHE: &str = "/gateway/admin/cache";

/// One route. `{id}` stands for one segment.
struct Route {
    path: &'static str,
    page: Page,
    methods: &'static [Method],
}

/// What a route is about.
#[derive(Clone, Copy)]
enum Page {
    List(Kind),
    One(Kind),
    Rotation,
    KeyLimits,
    Audit,
    Budgets,
    Budget,
    TopUp,
    Correction,
    Cache,
    Records,
    Record,
    Live,
    Usage,
    Health,
    Settings,
    Providers,
    Configs,
    Session,
    SessionLinks,
    Prices,
}

const LIST: &[Method] = &[Method::GET, Method::POST];
const ONE: &[Method] = &[Method::GET, Method::PATCH, Method::DELETE];

const ROUTES: &[Route] = &[
    Route {
        path: "/gateway/admin/v1/keys",
        page: Page::List(Kind::Key),
        methods: LIST,
    },
    Route {
        path: "/gateway/admin/v1/keys/{id}",
        page: Page::One(Kind::Key),
        methods: ONE,
    },
    Route {
        path: "/gateway/admin/v1/keys/{id}/rotate",
        page: Page::Rotation,
        methods: &[Method::POST],
    },
    Route {
        path: "/gateway/admin/v1/keys/{id}/limits",
        page: Page::KeyLimits,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/teams",
        page: Page::List(Kind::Team),
        methods: LIST,
    },
    Route {
        path: "/gateway/admin/v1/teams/{id}",
        page: Page::One(Kind::Team),
        methods: ONE,
    },
    Route {
        path: "/gateway/admin/v1/endpoints",
        page: Page::List(Kind::Endpoint),
        methods: LIST,
    },
    Route {
        path: "/gateway/admin/v1/endpoints/{id}",
        page: Page::One(Kind::Endpoint),
        methods: ONE,
    },
    Route {
        path: "/gateway/admin/v1/audit",
        page: Page::Audit,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/budgets",
        page: Page::Budgets,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/budgets/{id}",
        page: Page::Budget,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/budgets/{id}/top-up",
        page: Page::TopUp,
        methods: &[Method::POST],
    },
    Route {
        path: "/gateway/admin/v1/budgets/{id}/correct",
        page: Page::Correction,
        methods: &[Method::POST],
    },
    Route {
        path: "/gateway/admin/v1/cache",
        page: Page::Cache,
        methods: &[Method::GET, Method::DELETE],
    },
    Route {
        path: "/gateway/admin/v1/records",
        page: Page::Records,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/records/live",
        page: Page::Live,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/records/{id}",
        page: Page::Record,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/usage",
        page: Page::Usage,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/health",
        page: Page::Health,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/settings",
        page: Page::Settings,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/providers",
        page: Page::Providers,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/configs",
        page: Page::Configs,
        methods: &[Method::GET],
    },
    Route {
        path: "/gateway/admin/v1/session",
        page: Page::Session,
        methods: &[Method::GET, Method::POST, Method::DELETE],
    },
    Route {
        path: "/gateway/admin/v1/session/links",
        page: Page::SessionLinks,
        methods: &[Method::POST],
    },
    Route {
        path: "/gateway/admin/v1/prices",
        page: Page::Prices,
        methods: &[Method::GET],
    },
];

impl Route {
    /// The id in a path of this route, which is empty if the route has none.
    fn id_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (mut pattern, mut segments) = (self.path.split('/'), path.split('/'));
        let mut id = "";
        loop {
            match (pattern.next(), segments.next()) {
                (None, None) => return Some(id),
                (Some("{id}"), Some(segment)) if !segment.is_empty() => id = segment,
                (Some(expected), Some(segment)) if expected == segment => {}
                _ => return None,
            }
        }
    }
}

/// A request of the API by somebody who may make it.
struct Call {
    control: Control,
    request: HttpRequest,
    payload: web::Payload,
    actor: Actor,
    /// The `{id}` of the route.
    id: String,
}

type Response = Result<HttpResponse, GatewayError>;

/// Adds the API to the gateway's own pages.
pub fn api(pages: &mut web::ServiceConfig) {
    let scope = web::scope("/gateway/admin").default_service(web::to(respond));
    pages.service(scope);
}

async fn respond(
    control: web::Data<Control>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    match serve(Control::clone(&control), request, payload).await {
        Ok(response) => response,
        Err(error) => error.response().map_into_boxed_body().into(),
    }
}

async fn serve(control: Control, request: HttpRequest, payload: web::Payload) -> Response {
    let path = request.path().to_owned();
    let mut routes = ROUTES.iter();
    let Some((route, id)) = routes.find_map(|it| Some((it, it.id_in(&path)?))) else {
        return Err(unknown(&path));
    };
    if !route.methods.contains(request.method()) {
        return Ok(wrong_method(route));
    }
    // Whoever signs in has no session yet.
    if matches!(route.page, Page::Session) {
        return session::session(&control, &request, payload).await;
    }
    if matches!(route.page, Page::SessionLinks) {
        return session::new_link(&control, &request, payload).await;
    }
    let changes = request.method() != Method::GET;
    let gateway = control.current.get();
    let actor = gateway.check_admin(request.head(), changes)?;
    if changes {
        check_fetch_site(request.headers())?;
    }
    let call = Call {
        control,
        request,
        payload,
        actor,
        id: id.to_owned(),
    };
    page_of(route.page, call).await
}

async fn page_of(page: Page, call: Call) -> Response {
    match page {
        Page::List(kind) => objects::list_or_create(call, kind).await,
        Page::One(kind) => objects::one(call, kind).await,
        Page::Rotation => objects::rotate(call).await,
        Page::KeyLimits => key_limits::limits(call).await,
        Page::Audit => audit::list(call).await,
        Page::Budgets => budgets::list(call).await,
        Page::Budget => budgets::one(call).await,
        Page::TopUp => budgets::change(call, budgets::Kind::TopUp).await,
        Page::Correction => budgets::change(call, budgets::Kind::Correction).await,
        Page::Cache => cache::cache(call).await,
        Page::Records => records::list(call).await,
        Page::Record => records::one(call).await,
        Page::Live => live::watch(call).await,
        Page::Usage => usage::usage(call).await,
        Page::Health => overview::health(call).await,
        Page::Settings => overview::settings(call).await,
        Page::Providers => overview::providers(call).await,
        Page::Configs => overview::configs(call).await,
        Page::Session | Page::SessionLinks => Err(unknown(call.request.path())),
        Page::Prices => prices::show(call).await,
    }
}

fn unknown(path: &str) -> GatewayError {
    match path == OLD_CACHE {
        true => {
            let message = "this page has moved to /gateway/admin/v1/cache";
            GatewayError::new(Code::UnknownRoute, message)
        }
        false => no_such_page(),
    }
}

fn wrong_method(route: &Route) -> HttpResponse {
    let names: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let error = GatewayError::new(Code::MethodNotAllowed, format!("this page takes {names}"));
    let mut response = error.response().map_into_boxed_body();
    if let Ok(allowed) = HeaderValue::from_str(&names) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response.into()
}

/// One JSON document.
pub(super) fn object(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(format!("{value}\n"))
}

/// A page of a list.
fn page(data: Vec<Value>, next_cursor: Option<String>) -> HttpResponse {
    object(&json!({ "data": data, "next_cursor": next_cursor }))
}
