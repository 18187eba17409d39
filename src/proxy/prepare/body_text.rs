//! What does a request body that has been read whole say? It is looked through once for everything
//! that is asked of it at its top level.

use bytes::Bytes;

use crate::{
    error::GatewayError,
    json_edit::{self, Said},
    memory::Share,
    proxy::offload,
};

/// What the body says of model and stream.
///
/// # Errors
/// `internal`.
pub async fn said(client: Share, body: Bytes) -> Result<Said, GatewayError> {
    offload::by_size(client, body.len(), move || json_edit::said(&body)).await
}
