//! Goes on serving a request whose client has left, because others await the same response.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    audience::{Audience, GoingOn},
    connection::ClientConnection,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// The serving of one request. Dropped before its end, it goes on in a task of its own for as long
/// as the connection has an audience.
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
            // Polled again after its end.
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
        // After a panic, or when the gateway has no time left, nothing goes on.
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

/// Runs a detached request to its end, or until its audience has left. The audience gets the
/// outcome by other means; the response itself is dropped.
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
