//! The body as one target gets it: two edits there are, and both change only the bytes of the
//! values they name. Beside the worker, where the body is long or may become so.

use bytes::Bytes;

use super::Sending;
use crate::{
    error::{Code, GatewayError},
    http::encoding::is_encoded,
    json_edit::{self, NotEditable},
    proxy::{offload, plan::Target},
    route::policy::BodyEdit,
    upstream::{BodyLength, RequestBody},
};

impl<U> Sending<'_, '_, U> {
    /// The caller's body, edited.
    ///
    /// # Errors
    /// `invalid_body`: it cannot be edited. `body_too_large`: it would become so.
    pub(super) async fn edited(&self, target: &Target) -> Result<RequestBody, GatewayError> {
        let (unedited, length, mut room, client) = {
            let mut body = self.body.borrow_mut();
            let bytes = body.joined()?;
            let bytes = bytes.ok_or_else(|| unusable("it was not read whole"))?;
            let room = body.account().reserve(bytes.len())?;
            (bytes, body.length(), room, body.account().share())
        };
        if is_encoded(self.admitted.head.headers()) {
            return Err(unusable("it is encoded (content-encoding)"));
        }
        let before = unedited.len();
        let values = target.override_params.iter().map(|(_, value)| value.len());
        let edited = match before + values.sum::<usize>() > offload::SHORT {
            false => edit(
                unedited,
                target.model_prefix.as_deref(),
                &target.override_params,
            ),
            true => {
                let prefix = target.model_prefix.clone();
                let params = target.override_params.to_vec();
                let edit = move || edit(unedited, prefix.as_deref(), &params);
                offload::offload(client, edit).await?
            }
        };
        let bytes = edited.map_err(not_editable)?;
        let length = match length {
            BodyLength::Exact(_) => BodyLength::Exact(bytes.len() as u64),
            other => other,
        };
        room.grow(bytes.len().saturating_sub(before))?;
        Ok(RequestBody::of(vec![room.hold(bytes)], length))
    }
}

fn edit(mut bytes: Bytes, prefix: Option<&str>, params: &[BodyEdit]) -> Result<Bytes, NotEditable> {
    if let Some(prefix) = prefix {
        bytes = json_edit::strip_model_prefix(&bytes, prefix)?;
    }
    if !params.is_empty() {
        bytes = json_edit::override_params(&bytes, params)?;
    }
    Ok(bytes)
}

fn not_editable(error: NotEditable) -> GatewayError {
    match error {
        NotEditable::TooLarge => {
            let message = format!("the request body cannot be edited as the config asks: {error}");
            GatewayError::new(Code::BodyTooLarge, message)
        }
        NotEditable::NotJson { .. } | NotEditable::NoObject => unusable(&error.to_string()),
    }
}

fn unusable(reason: &str) -> GatewayError {
    let message = format!("the request body cannot be edited as the config asks: {reason}");
    GatewayError::new(Code::InvalidBody, message)
}
