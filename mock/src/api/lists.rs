//! Small APIs that answer a list with a list: moderations, and reranking as Cohere, Jina and vLLM
//! have it.

use serde_json::Value;

use super::embeddings::inputs;
use crate::answer::Answer;
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, field, object};
use crate::problem::Problem;
use crate::routes::Call;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// `POST moderations`: nothing is ever flagged.
pub(crate) fn moderate(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    let input = ask
        .input
        .as_ref()
        .ok_or_else(|| Problem::missing("input"))?;
    let result = |_| {
        object! {
            "flagged": false,
            "categories": by_category(&Json("false".to_owned())),
            "category_scores": by_category(&Json("0.0001".to_owned())),
            "category_applied_input_types": by_category(&Json("[\"text\"]".to_owned())),
        }
    };
    Ok(Answer::json(object! {
        "id": call.mock.dice.id("modr-"),
        "model": ask.model.as_deref().unwrap_or("omni-moderation-latest"),
        "results": inputs(input).into_iter().map(result).collect::<Vec<_>>(),
    }))
}

/// `POST rerank`: the documents in their order, each a little less relevant than the last.
pub(crate) fn rerank(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    let model = ask.model()?;
    if ask.query.is_none() {
        return Err(Problem::missing("query"));
    }
    let documents = ask
        .documents
        .as_ref()
        .ok_or_else(|| Problem::missing("documents"))?;
    let wanted = ask.top_n.unwrap_or(documents.len());
    let result = |(index, document): (usize, &Value)| {
        let mut result = object! {
            "index": index,
            "relevance_score": 1.0 / (index as f64 + 1.01),
        };
        if ask.return_documents == Some(true) {
            result.0.pop();
            field(&mut result.0, "document", &Json(document.to_string()));
            result.0.push('}');
        }
        result
    };
    let results = documents.iter().enumerate().take(wanted).map(result);
    let tokens = content::input_tokens(call.request.body.len());
    Ok(Answer::json(object! {
        "id": call.mock.dice.id("rerank-"),
        "model": model,
        "results": results.collect::<Vec<_>>(),
        "usage": object! { "total_tokens": tokens },
        "meta": object! { "billed_units": object! { "search_units": 1u8 } },
    }))
}

fn by_category(value: &Json) -> Json {
    let mut out = String::from("{");
    for category in CATEGORIES {
        field(&mut out, category, value);
    }
    out.push('}');
    Json(out)
}
