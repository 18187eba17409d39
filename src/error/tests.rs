use super::*;

#[test]
fn a_long_message_keeps_its_start_and_its_end() {
    let message = format!("a{}z: what is allowed", "\u{fc}".repeat(40_000));
    let shown = GatewayError::new(Code::InvalidConfig, message.clone()).message;
    assert!(shown.len() < LONGEST_MESSAGE + 40, "{}", shown.len());
    assert!(shown.starts_with("a\u{fc}") && shown.ends_with("z: what is allowed"));
    let left_out = shown
        .split_once('[')
        .and_then(|(_, it)| it.split_once(" bytes"));
    let left_out: usize = left_out.expect("a count").0.parse().expect("a number");
    let cut = format!(" [{left_out} bytes left out] ");
    assert_eq!(shown.len() - cut.len() + left_out, message.len());
}

#[test]
fn every_code_has_its_own_name_and_a_real_status() {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(
            GatewayError::new(*code, "x").response().status().as_u16(),
            code.status()
        );
    }
}

#[test]
fn a_request_timeout_reads_as_callers_expect_it() {
    let error = GatewayError::request_timeout(Duration::from_millis(30000));
    let expected = concat!(
        r#"{"error":{"message":"Request exceeded the timeout sent in the request: 30000ms","#,
        r#""type":"timeout_error","param":null,"code":null}}"#
    );
    assert_eq!(error.body(), expected);
}

#[test]
fn the_reference_page_is_in_step() {
    let on_disk = include_str!("../../docs/errors.md");
    assert_eq!(
        on_disk,
        page(),
        "write it anew with: throughway docs errors > docs/errors.md"
    );
}
