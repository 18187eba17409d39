//! Serving on when the client has left, because others await the same.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::ClientConnection;

/// Others who await what a request leads to.
pub trait Audience {
    fn is_there(&self) -> bool;

    /// Ready when nobody is there. One task can wait for it.
    fn poll_gone(&self, cx: &Context<'_>) -> Poll<()>;
}

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// The serving of one request. Dropped before its end, it goes on in a task of its own for as long as the connection has an audience.
pub struct Serving<T: 'static> {
    connection: Option<Rc<ClientConnection>>,
    serving: Option<Boxed<T>>,
}

impl<T> Serving<T> {
    pub fn new(connection: Option<Rc<ClientConnection>>, serving: Boxed<T>) -> Self {
        Serving {
            connection,
            serving: Some(serving),
        }
    }
}

impl<T> Future for Serving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(serving) = &mut self.serving else {
            // Polled behind its end, like any future of that kind.
            return Poll::Pending;
        };
        let polled = serving.as_mut().poll(cx);
        if polled.is_ready() {
            self.serving = None;
        }
        polled
    }
}

impl<T> Drop for Serving<T> {
    fn drop(&mut self) {
        // What has panicked does not go on, and nothing does when the gateway has no time left.
        if !std::thread::panicking()
            && let (Some(serving), Some(connection)) = (self.serving.take(), self.connection.take())
            && !connection.is_cut_short()
            && let Some(audience) = connection.others().audience()
        {
            connection.detach();
            let going_on = connection.going_on();
            actix_rt::spawn(go_on(going_on, connection, serving, audience));
        }
    }
}

/// Those besides its client who await what a connection asked for.
#[derive(Default)]
pub struct Others {
    audience: RefCell<Option<Arc<dyn Audience>>>,
    /// How much goes on for them.
    going_on: Cell<usize>,
    /// Who waits for the end of that.
    waits: RefCell<Option<Waker>>,
}

impl Others {
    pub(super) fn set(&self, audience: Option<Arc<dyn Audience>>) {
        *self.audience.borrow_mut() = audience;
    }

    /// Those who await what is being served, if there are any.
    pub(super) fn audience(&self) -> Option<Arc<dyn Audience>> {
        let audience = self.audience.borrow();
        audience.as_ref().filter(|it| it.is_there()).cloned()
    }

    /// Waits until nothing goes on for them any more.
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

/// Something that goes on for others when its client may have left: the worker is not to end before it.
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

/// What comes of it is the audience's; the answer itself is for nobody.
async fn go_on<T>(
    _going_on: GoingOn,
    connection: Rc<ClientConnection>,
    mut serving: Boxed<T>,
    audience: Arc<dyn Audience>,
) {
    poll_fn(|cx| {
        if audience.poll_gone(cx).is_ready() {
            return Poll::Ready(());
        }
        connection.remember_task(cx);
        serving.as_mut().poll(cx).map(drop)
    })
    .await;
}
