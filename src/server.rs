//! The listener, its workers, and how the gateway comes down: readiness off, accepting on for `drain.delay`, then closing idle
//! connections and finishing what runs within the drain budget.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::{
    HttpServiceBuilder, KeepAlive, Request, Response, TlsAcceptConfig as _Unused,
};
