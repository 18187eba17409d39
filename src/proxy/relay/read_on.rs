//! A client has left a response that others share and read on: the rest of it is read for the
//! account of the one who left, which keeps nothing alive.

use std::future::poll_fn;

use crate::{
    cache::coalesce::Follower, gateway::Beginning, proxy::exchange::Exchange, record::Departed,
};

/// Takes over the record of a request whose client has left. `false`: nobody else reads, or
/// nothing in the rest is of interest.
pub fn begin(reader: &Follower<Beginning>, exchange: &mut Exchange) -> bool {
    let Some(reader) = reader.listen() else {
        return false;
    };
    let Some(departed) = exchange.notes.recorder.depart() else {
        return false;
    };
    let going_on = exchange.connection().going_on();
    actix_rt::spawn(async move {
        listen(reader, departed).await;
        drop(going_on);
    });
    true
}

async fn listen(reader: Follower<Beginning>, mut departed: Departed) {
    loop {
        match poll_fn(|cx| reader.poll_chunk(cx)).await {
            Some(Ok(chunk)) => departed.read(&chunk),
            None => return departed.finish(),
            // The account is closed with what was read.
            Some(Err(_)) => return,
        }
    }
}
