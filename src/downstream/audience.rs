//! Who besides its client awaits what a connection asked for, and what goes on for them?

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// Other clients that await the outcome of a request.
pub trait Audience {
    fn is_there(&self) -> bool;

    /// Ready when nobody is there any more. Only one task can wait for it.
    fn poll_gone(&self, cx: &Context<'_>) -> Poll<()>;
}

/// Those besides its client who await what a connection asked for, and the work for them.
#[derive(Default)]
pub struct Others {
    audience: RefCell<Option<Arc<dyn Audience>>>,
    /// The number of [`GoingOn`] values.
    going_on: Cell<usize>,
    /// The task that waits until there are none.
    waits: RefCell<Option<Waker>>,
}

impl Others {
    pub(super) fn set(&self, audience: Option<Arc<dyn Audience>>) {
        *self.audience.borrow_mut() = audience;
    }

    /// Those who await what is being served, if they are still there.
    pub(super) fn audience(&self) -> Option<Arc<dyn Audience>> {
        let audience = self.audience.borrow();
        audience.as_ref().filter(|it| it.is_there()).cloned()
    }

    /// Waits until nothing goes on for others any more.
    pub async fn until_all_is_done(&self) {
        poll_fn(|cx| {
            if self.going_on.get() == 0 {
                return Poll::Ready(());
            }
            *self.waits.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Held by work for others that goes on although the client may have left; the worker does not end
/// before it.
pub struct GoingOn(Rc<Others>);

impl GoingOn {
    pub fn of(others: Rc<Others>) -> Self {
        others.going_on.set(others.going_on.get() + 1);
        GoingOn(others)
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.going_on.set(self.0.going_on.get() - 1);
        if let Some(waker) = self.0.waits.take() {
            waker.wake();
        }
    }
}
