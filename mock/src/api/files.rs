//! OpenAI's files. Only name and size of an upload are stored; the content of a download is the
//! pattern, so that a client can check a download of any size.

use serde_json::{Value, json};

use super::multipart::Form;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::response::Response;
use crate::state::StoredFile;

/// Length of the content when neither the query nor an upload determines it.
const CONTENT_BYTES: u64 = 1024;

/// Most files in one list.
const LISTED: usize = 100;

/// `POST files`
pub(crate) fn upload(call: &Call<'_>) -> Result<Response, ApiError> {
    let form = Form::read(call.request)?;
    let file = form.part("file")?;
    let stored = StoredFile {
        id: call.mock.random.id("file-"),
        bytes: file.bytes.len() as u64,
        created: call.now,
        filename: file.filename.clone().unwrap_or_default(),
        purpose: form.text("purpose").unwrap_or("user_data").to_owned(),
    };
    let response = Response::json(&object(&stored));
    call.mock.store(stored);
    Ok(response)
}

/// `GET files`: the newest first.
pub(crate) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let files = call.mock.files();
    let listed = || files.iter().rev().take(LISTED);
    Ok(Response::json(&json!({
        "object": "list",
        "data": listed().map(object).collect::<Vec<_>>(),
        "first_id": listed().next().map(|file| &file.id),
        "last_id": listed().next_back().map(|file| &file.id),
        "has_more": files.len() > LISTED,
    })))
}

/// `GET files/{id}`
pub(crate) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let files = call.mock.files();
    let file = files.iter().find(|file| file.id == call.id);
    let file = file.ok_or_else(|| unknown(call.id))?;
    Ok(Response::json(&object(file)))
}

/// `DELETE files/{id}`
pub(crate) fn delete(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut files = call.mock.files();
    let index = files.iter().position(|file| file.id == call.id);
    files.remove(index.ok_or_else(|| unknown(call.id))?);
    let deleted = json!({ "id": call.id, "object": "file", "deleted": true });
    Ok(Response::json(&deleted))
}

/// `GET files/{id}/content`: every id has content, of `?bytes=N` or else of the size of the upload.
pub(crate) fn content(call: &Call<'_>) -> Result<Response, ApiError> {
    let requested = call.request.query().find(|(name, _)| name == "bytes");
    let bytes = match requested {
        Some((_, text)) => text
            .parse()
            .map_err(|_| ApiError::bad_request("bytes must be a number."))?,
        None => size_of_upload(call).unwrap_or(CONTENT_BYTES),
    };
    Ok(Response::pattern("application/octet-stream", bytes))
}

fn size_of_upload(call: &Call<'_>) -> Option<u64> {
    let files = call.mock.files();
    let file = files.iter().find(|file| file.id == call.id)?;
    Some(file.bytes)
}

fn unknown(id: &str) -> ApiError {
    ApiError {
        param: Some("id"),
        ..ApiError::not_found(format!("No such File object: {id}"))
    }
}

fn object(file: &StoredFile) -> Value {
    json!({
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.bytes,
        "created_at": file.created,
        "expires_at": null,
        "status": "processed",
        "status_details": null,
    })
}
