//! One request that is served, from its admission to the last byte of its response: what outlives
//! the steps, and goes with the response.

use std::{cell::RefCell, rc::Rc};

use actix_http::Version;

use super::{admit::Admitted, notes::RequestNotes};
use crate::{
    dialect::Generates,
    downstream::{ClientConnection, ExchangeGuard},
    rate_limit::Lease,
    upstream::{Asked, BodyLength, RequestBody},
};

/// Each step fills in what it decides; the relay holds it until the end.
pub struct Exchange {
    pub notes: RequestNotes,
    /// The caller's body; a target may get an edited copy.
    pub body: Rc<RefCell<RequestBody>>,
    /// Places among the requests under way.
    pub leases: Vec<Lease>,
    pub asked: Asked,
    /// What the response is judged as, if its route is known to generate.
    pub generates: Option<Generates>,
    pub http10: bool,
    pub wants_upgrade: bool,
    pub guard: ExchangeGuard,
}

impl Exchange {
    pub fn new(admitted: &Admitted<'_>, mut notes: RequestNotes, guard: ExchangeGuard) -> Self {
        notes.recorder.note_body(admitted.body.clone());
        Exchange {
            notes,
            body: admitted.body.clone(),
            leases: Vec::new(),
            asked: admitted.asked(),
            generates: admitted.generates(),
            http10: admitted.head.version == Version::HTTP_10,
            wants_upgrade: admitted.length == BodyLength::Tunnel,
            guard,
        }
    }

    pub fn connection(&self) -> &Rc<ClientConnection> {
        self.guard.connection()
    }

    /// The body has no further use: the response is there without it.
    pub fn discard_body(&mut self) {
        self.body.borrow_mut().discard();
    }
}
