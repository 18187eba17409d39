//! What one request and its answer share between the caller of [`Upstream`](super::Upstream), the awc engine in the middle and
//! the transport beneath it. awc's own types cannot carry this, so it travels beside them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use bytes::Bytes;

use super::{failure::Failure, framing::Asked, request_body::RequestBody};

/// One try of one request on one connection.
pub struct Exchange {
    /// The request head as it goes on the wire, framing included.
    pub head: Bytes,
    pub asked: Asked,
    /// Shared by the tries of one request.
    pub body: Rc<RefCell<RequestBody>>,
    progress: Cell<Progress>,
    failure: RefCell<Option<Failure>>,
}

/// How far an exchange has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The connection came out of the pool.
    pub reused: bool,
    /// Bytes the socket took, head and framing included.
    pub sent: u64,
    /// Bytes that came back, head and framing included.
    pub received: u64,
    /// The request is sent, body and all.
    pub upload_done: bool,
    /// The response is complete.
    pub complete: bool,
}

impl Exchange {
    pub fn new(head: Bytes, asked: Asked, body: Rc<RefCell<RequestBody>>) -> Rc<Self> {
        Rc::new(Exchange {
            head,
            asked,
            body,
            progress: Cell::default(),
            failure: RefCell::default(),
        })
    }

    pub fn progress(&self) -> Progress {
        self.progress.get()
    }

    pub(super) fn set_progress(&self, progress: Progress) {
        self.progress.set(progress);
    }

    /// Takes the transport's account of what went wrong, which awc's error types would lose.
    pub fn take_failure(&self) -> Option<Failure> {
        self.failure.borrow_mut().take()
    }

    /// The first failure is the cause; what follows from it is not recorded.
    pub(super) fn set_failure(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }
}
