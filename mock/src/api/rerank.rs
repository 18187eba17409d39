//! Reranking, with the shape that Cohere, Jina and vLLM share.

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::request_fields::RequestFields;
use crate::response::Response;

/// `POST rerank`: the documents in the order of the request, each with a lower score than the last.
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let model = fields.model()?;
    if fields.query.is_none() {
        return Err(ApiError::missing("query"));
    }
    let documents = fields.documents.as_ref();
    let documents = documents.ok_or_else(|| ApiError::missing("documents"))?;
    let with_document = fields.return_documents == Some(true);
    let result = |(index, document): (usize, &Value)| {
        let score = 1.0 / (index as f64 + 1.01);
        let mut result = json!({ "index": index, "relevance_score": score });
        if with_document {
            result["document"] = document.clone();
        }
        result
    };
    let wanted = fields.top_n.unwrap_or(documents.len());
    let results = documents.iter().enumerate().take(wanted).map(result);
    let tokens = content::input_tokens(call.request.body.len());
    Ok(Response::json(&json!({
        "id": call.mock.random.id("rerank-"),
        "model": model,
        "results": results.collect::<Vec<_>>(),
        "usage": { "total_tokens": tokens },
        "meta": { "billed_units": { "search_units": 1 } },
    })))
}
