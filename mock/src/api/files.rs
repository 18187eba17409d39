//! OpenAI's files: an upload is measured and remembered by name and size; its content is made up
//! of the pattern, so that a download of any size can be checked.

use super::multipart;
use crate::answer::Answer;
use crate::json::{Json, object};
use crate::problem::Problem;
use crate::routes::Call;
use crate::state::StoredFile;

/// Bytes of a file's content when neither the query nor an upload says.
const CONTENT_BYTES: u64 = 1024;

/// `POST files`
pub(crate) fn upload(call: &Call<'_>) -> Result<Answer, Problem> {
    let parts = multipart::parts(call.request)?;
    let file = parts.iter().find(|part| part.name == "file");
    let file = file.ok_or_else(|| Problem::missing("file"))?;
    let stored = StoredFile {
        id: call.mock.dice.id("file-"),
        bytes: file.bytes.len() as u64,
        created: call.now,
        filename: file.filename.clone().unwrap_or_default(),
        purpose: multipart::text(&parts, "purpose")
            .unwrap_or("user_data")
            .to_owned(),
    };
    let answer = Answer::json(object(&stored));
    call.mock.store(stored);
    Ok(answer)
}

/// `GET files`: the newest first.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let files = call.mock.files();
    let data: Vec<Json> = files.iter().rev().take(100).map(object).collect();
    Ok(Answer::json(object! {
        "object": "list",
        "data": data,
        "first_id": files.back().map(|file| &file.id),
        "last_id": files.iter().rev().take(100).next_back().map(|file| &file.id),
        "has_more": files.len() > 100,
    }))
}

/// `GET files/{id}`
pub(crate) fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let files = call.mock.files();
    let file = files.iter().find(|file| file.id == call.id);
    file.map(|file| Answer::json(object(file)))
        .ok_or_else(|| unknown(call.id))
}

/// `DELETE files/{id}`
pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut files = call.mock.files();
    let place = files.iter().position(|file| file.id == call.id);
    files.remove(place.ok_or_else(|| unknown(call.id))?);
    Ok(Answer::json(
        object! { "id": call.id, "object": "file", "deleted": true },
    ))
}

/// `GET files/{id}/content`: any id has one, of `?bytes=N`, else of the size of its upload.
pub(crate) fn content(call: &Call<'_>) -> Result<Answer, Problem> {
    let asked = call.request.query().find(|(name, _)| name == "bytes");
    let bytes = match asked {
        Some((_, text)) => text
            .parse()
            .map_err(|_| Problem::bad_request("bytes must be a number."))?,
        None => size_of_upload(call).unwrap_or(CONTENT_BYTES),
    };
    Ok(Answer::pattern("application/octet-stream", bytes))
}

fn size_of_upload(call: &Call<'_>) -> Option<u64> {
    let files = call.mock.files();
    let file = files.iter().find(|file| file.id == call.id)?;
    Some(file.bytes)
}

fn unknown(id: &str) -> Problem {
    Problem {
        param: Some("id"),
        ..Problem::not_found(format!("No such File object: {id}"))
    }
}

fn object(file: &StoredFile) -> Json {
    object! {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.bytes,
        "created_at": file.created,
        "expires_at": None::<u64>,
        "status": "processed",
        "status_details": None::<u64>,
    }
}
