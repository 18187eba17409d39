//! Models wherever a request names them, and what must not hide one.

use super::*;

#[test]
fn models_are_found_in_paths() {
    for (path, expected) in [
        ("/chat/completions", &[][..]),
        ("/v1beta/models/gemini-pro:generateContent", &["gemini-pro"]),
        (
            "/v1beta/models//gemini-pro:generateContent",
            &["gemini-pro"],
        ),
        ("/v1beta/Models/gemini-pro:generateContent", &["gemini-pro"]),
        (
            "/v1beta/mod%65ls/gemini-pro%3AgenerateContent",
            &["gemini-pro"],
        ),
        (
            "/v1beta/models%2Fgemini-pro:generateContent",
            &["gemini-pro"],
        ),
        (
            "/v1beta%2Fmodels/gemini-pro:generateContent",
            &["gemini-pro"],
        ),
        ("/openai/deployments/gpt%2D4/chat/completions", &["gpt-4"]),
        ("/v1/engines/davinci/completions", &["davinci"]),
        (
            "/model/anthropic.claude-v2%3A1/invoke",
            &["anthropic.claude-v2:1"],
        ),
        (
            "/model/arn:aws:x%2Fus.claude/converse",
            &["arn:aws:x/us.claude"],
        ),
        ("/models", &[]),
        ("/models/", &[]),
    ] {
        assert_eq!(in_path(path, true), expected, "{path}");
    }
    assert_eq!(in_path("/models/ft:gpt-4o:org", false), ["ft:gpt-4o:org"]);
}

#[test]
fn models_are_found_in_queries() {
    let query = "a=1&model=gpt-4o&mod%65l=x%20y&Model=z&deployment=d&models=none";
    assert_eq!(
        in_query(query).collect::<Vec<_>>(),
        ["gpt-4o", "x y", "z", "d"]
    );
}

fn in_json(body: &str, edits: &[BodyEdit], prefix: Option<&str>) -> Option<Vec<String>> {
    match BodyModels::in_json(body.as_bytes()) {
        BodyModels::Json(entries) => Some(after_edits(&entries, edits, prefix)),
        BodyModels::None | BodyModels::Unreadable | BodyModels::Form(_) => None,
    }
}

#[test]
fn models_are_found_in_json() {
    for (body, expected) in [
        (r#"{"model":"a","mod\u0065l":"b"}"#, &["a", "b"][..]),
        (r#"{"model":"a","MODEL":"b"}"#, &["a", "b"]),
        (r#"{"model":"\u0061"}"#, &["a"]),
        (
            r#"{"model":"a","model_id":"b","modelId":"c"}"#,
            &["a", "b", "c"],
        ),
        (r#"{"model":"a","models":["b","c"]}"#, &["a", "b", "c"]),
        (r#"{"model":"a","models":{"b":1}}"#, &["a", ""]),
        (r#"{"model":5}"#, &[""]),
        (r#"{"x":{"model":"a"}}"#, &[]),
    ] {
        assert_eq!(in_json(body, &[], None).expect(body), expected, "{body}");
    }
    for body in [
        r#"{"model":"a""#,
        r#"{"model":"a"}{"model":"b"}"#,
        "[]",
        "\u{feff}{}",
        "x",
    ] {
        assert_eq!(in_json(body, &[], None), None, "{body}");
    }
}

#[test]
fn edits_replace_what_they_set_and_nothing_else() {
    let edit = |key: &str, value: &str| (key.into(), value.into());
    let body = r#"{"model":"@p/a","model":"b","MODEL":"@p/c"}"#;
    let stripped = in_json(body, &[], Some("@p/"));
    assert_eq!(stripped.expect("models"), ["a", "b", "@p/c"]);
    let set = in_json(body, &[edit("model", "\"x\"")], None);
    assert_eq!(set.expect("models"), ["@p/c", "x"]);
    let others = in_json(
        "{}",
        &[edit("Model", "\"x\""), edit("models", "[\"y\"]")],
        None,
    );
    assert_eq!(others.expect("models"), ["x", "y"]);
}

fn in_form(body: &str) -> BodyModels {
    BodyModels::in_form(body.to_owned().into(), "x".to_owned())
}

/// A form of one field with these header lines, between a file and a good model.
fn form(lines: &str) -> String {
    format!(
        "--x\r\nContent-Disposition: form-data; name=file; filename=\"model; name=model\"\r\n\r\na\
         \r\n--x\r\n{lines}\r\n\r\nother\r\n--x\r\n\
         Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n"
    )
}

#[test]
fn models_are_found_in_forms() {
    let found = |models: &[&str]| BodyModels::Form(models.iter().map(|it| (*it).into()).collect());
    for (disposition, expected) in [
        ("name=model", found(&["other", "whisper-1"])),
        ("name=\"MODEL\"", found(&["other", "whisper-1"])),
        ("Name = model", found(&["other", "whisper-1"])),
        ("name=\"prompt\"", found(&["whisper-1"])),
        (
            "filename=\"a; name=prompt\"; name=\"model\"",
            found(&["other", "whisper-1"]),
        ),
        // What readers may understand differently.
        ("name=\"prompt\"; name=\"model\"", BodyModels::Unreadable),
        ("name*=utf-8''model", BodyModels::Unreadable),
        ("name=\"mo\\del\"", BodyModels::Unreadable),
        ("name=\"prompt", BodyModels::Unreadable),
        ("filename=model", BodyModels::Unreadable),
    ] {
        let body = form(&format!("Content-Disposition: form-data; {disposition}"));
        assert_eq!(in_form(&body), expected, "{disposition}");
    }
    let encoded = "Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64";
    assert_eq!(in_form(&form(encoded)), BodyModels::Unreadable);
    let good = form("Content-Disposition: form-data; name=a");
    for body in [
        format!("{{\"model\":\"other\"}}\r\n{good}"),
        "--x\r\n".to_owned(),
    ] {
        assert_eq!(in_form(&body), BodyModels::Unreadable, "{body}");
    }
}

#[test]
fn a_form_has_one_boundary() {
    let parts = |boundary: &str| Form::Parts {
        boundary: boundary.to_owned(),
    };
    for (content_type, expected) in [
        ("application/json", Form::No),
        ("", Form::No),
        ("multipart/form-data; boundary=x", parts("x")),
        (" Multipart/Form-Data; boundary=\"x\"", parts("x")),
        ("multipart/form-data; boundary=x; boundary=y", Form::Unclear),
        (
            "multipart/form-data; Boundary=x; boundary*=y",
            Form::Unclear,
        ),
        ("multipart/form-data", Form::Unclear),
        ("multipart/mixed; boundary=x", Form::Unclear),
    ] {
        assert_eq!(
            Form::of(content_type.as_bytes()),
            expected,
            "{content_type}"
        );
    }
}
