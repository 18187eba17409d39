//! Reading the request body to its end before anything is sent: for routing by what it says, and
//! for edits. It is kept, and goes up from memory.

use std::{cell::RefCell, future::poll_fn};

use bytes::Bytes;

use crate::{
    downstream::AbortReason,
    error::{Code, GatewayError},
    memory::NoRoom,
    proxy::{
        offload,
        sender::{Sender, while_present},
    },
    upstream::{BodyFault, BodyLength, RequestBody, Whole},
};

/// Reads the whole body, of at most `limit` bytes, and leaves it at its beginning.
///
/// # Errors
/// 413 beyond the limit, 503 where there is no memory for it, 400 for a body that stalls or is
/// broken, 499 for a client that leaves.
pub async fn read(
    connection: &impl Sender,
    body: &RefCell<RequestBody>,
    limit: usize,
) -> Result<(), GatewayError> {
    match try_read(connection, body, limit).await? {
        Whole::Kept => Ok(()),
        Whole::TooLarge => Err(too_large(limit)),
        Whole::NoRoom => Err(NoRoom.into()),
    }
}

/// Reads the whole body like [`read`], where that is worth something and no more: one that cannot
/// be kept goes up as it comes.
///
/// # Errors
/// As for [`read`], but for limit and memory.
pub async fn try_read(
    connection: &impl Sender,
    body: &RefCell<RequestBody>,
    limit: usize,
) -> Result<Whole, GatewayError> {
    if body.borrow().whole().is_some() {
        return Ok(Whole::Kept);
    }
    let length = body.borrow().length();
    match length {
        BodyLength::Exact(length) if length > limit as u64 => return Ok(Whole::TooLarge),
        // A handshake's bytes are no body.
        BodyLength::Tunnel | BodyLength::None => return Ok(Whole::Kept),
        BodyLength::Exact(_) | BodyLength::Chunked => {}
    }
    let reading = poll_fn(|cx| {
        let read = body.borrow_mut().poll_whole(limit, cx);
        connection.await_body(read.is_pending());
        read
    });
    let whole = while_present(connection, reading).await?;
    let whole = whole.map_err(|fault| broken(fault, connection))?;
    if whole == Whole::Kept {
        while_present(connection, make_one_piece(body)).await??;
    }
    Ok(whole)
}

/// Reads the beginning of the body, of which something is to be looked for.
///
/// # Errors
/// As for [`try_read`].
pub async fn read_beginning(
    connection: &impl Sender,
    body: &RefCell<RequestBody>,
    length: u64,
) -> Result<(), GatewayError> {
    let reading = poll_fn(|cx| {
        let read = body.borrow_mut().poll_beginning(length, cx);
        connection.await_body(read.is_pending());
        read
    });
    let read = while_present(connection, reading).await?;
    read.map_err(|fault| broken(fault, connection))
}

/// Most that is asked of a whole body is asked of one piece. A long one is copied beside the
/// worker.
async fn make_one_piece(body: &RefCell<RequestBody>) -> Result<(), GatewayError> {
    let Some(mut kept) = body.borrow_mut().lend_long(offload::SHORT) else {
        return Ok(());
    };
    let join = move || {
        // Without room for it the body stays in pieces: a step that needs one piece gets the error.
        let _ = kept.join();
        kept
    };
    let client = body.borrow().account().share();
    let kept = offload::offload(client, join).await?;
    body.borrow_mut().give_back(kept);
    Ok(())
}

/// The body as one piece, as far as it was read whole.
///
/// # Errors
/// 503 where there is no memory for it.
pub fn joined(body: &RefCell<RequestBody>) -> Result<Bytes, GatewayError> {
    Ok(body.borrow_mut().joined()?.unwrap_or_default())
}

fn broken(fault: BodyFault, connection: &impl Sender) -> GatewayError {
    match fault {
        BodyFault::ClientGone if connection.is_gone() => AbortReason::ClientGone.into(),
        // actix-http reports a body that ends early as if the client had left.
        BodyFault::ClientGone | BodyFault::Malformed => {
            GatewayError::new(Code::InvalidBody, "the request body ended early")
        }
        BodyFault::TooLarge => GatewayError::new(
            Code::BodyTooLarge,
            "the request body is larger than the settings allow (`downstream.max_body`)",
        ),
    }
}

fn too_large(limit: usize) -> GatewayError {
    let message = format!(
        "the request body is larger than {limit} bytes (`replay_limit`), and has to be read whole \
         for what the config asks (a condition on `params`, `override_params`, or a provider in \
         `model`), for the models that its gateway key may use, or to be signed (`aws_sigv4`)"
    );
    GatewayError::new(Code::BodyTooLarge, message)
}
