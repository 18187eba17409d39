//! Frames of WebSockets and of AWS that a sound server would not send, or seldom.

use serde_json::{Value, json};

use super::sample::{self, Sample, frame, message_frame};

const DONE: &[u8] =
    br#"{"type":"response.done","response":{"usage":{"input_tokens":3,"output_tokens":4}}}"#;

fn socket(frames: &[Vec<u8>]) -> Value {
    let mut sample = sample::chat("", &frames.concat());
    sample.is_websocket = true;
    let bytes: Vec<&[u8]> = sample.body.chunks(1).collect();
    assert_eq!(sample.read(&bytes), sample.read_at_once());
    sample.read_at_once()
}

fn read(input: u64, output: u64) -> Value {
    json!({"source": "reported", "input": input, "output": output})
}

#[test]
fn messages_are_read_in_one_frame_or_several() {
    let long = [DONE, &b" ".repeat(70_000)].concat();
    let binary = message_frame(0x82, DONE);
    for (frames, expected) in [
        (vec![message_frame(0x81, DONE)], read(3, 4)),
        (vec![binary], read(3, 4)),
        (vec![message_frame(0x81, &long)], read(3, 4)),
        (
            vec![message_frame(0x81, DONE), message_frame(0x81, DONE)],
            read(6, 8),
        ),
        (
            vec![
                message_frame(0x01, &DONE[..9]),
                message_frame(0x8a, b""),
                message_frame(0x00, b""),
                message_frame(0x00, &DONE[9..60]),
                message_frame(0x89, b"{\"usage\":{"),
                message_frame(0x80, &DONE[60..]),
            ],
            read(3, 4),
        ),
        (
            vec![message_frame(0x82, &[0xff; 300]), message_frame(0x81, DONE)],
            read(3, 4),
        ),
        (
            vec![
                message_frame(0x81, b""),
                message_frame(0x81, DONE),
                message_frame(0x88, b""),
            ],
            read(3, 4),
        ),
    ] {
        let found = socket(&frames);
        assert_eq!(found["usage"], expected);
        assert_eq!(found.get("flaw"), None);
    }
}

#[test]
fn frames_that_cannot_be_read_are_told() {
    let sound = message_frame(0x81, DONE);
    let mut masked = message_frame(0x81, DONE);
    masked[1] |= 0x80;
    for (frames, flaw, expected) in [
        // Compressed, in one frame and in two.
        (
            vec![message_frame(0xc1, DONE), sound.clone()],
            "unknown_coding",
            read(3, 4),
        ),
        (
            vec![
                message_frame(0x41, DONE),
                message_frame(0x80, DONE),
                sound.clone(),
            ],
            "unknown_coding",
            read(3, 4),
        ),
        (vec![sound.clone(), masked], "malformed", read(3, 4)),
        (
            vec![sound.clone(), message_frame(0xa1, DONE)],
            "malformed",
            read(3, 4),
        ),
        // A message ends in the middle of its text.
        (
            vec![message_frame(0x81, &DONE[..40]), sound],
            "malformed",
            read(3, 4),
        ),
    ] {
        let found = socket(&frames);
        assert_eq!((&found["usage"], &found["flaw"]), (&expected, &json!(flaw)));
    }
}

fn aws(frames: &[Vec<u8>]) -> Sample {
    sample::chat("application/vnd.amazon.eventstream", &frames.concat())
}

#[test]
fn frames_of_aws_that_cannot_be_read_are_told() {
    let sound = frame(r#"metadata {"usage":{"inputTokens":3,"outputTokens":4}}"#);
    let long = frame(&format!(
        "contentBlockDelta {{\"x\":\"{}\"}}",
        "x".repeat(70_000)
    ));
    let mut damaged = sound.clone();
    damaged[40] ^= 1;
    let no_base64 = frame(r#"metadata {"bytes":"!"}"#);
    let chunk = [b"\x00\x00\x00\x0c".as_slice(), &[0; 8]].concat();
    for (frames, flaw, expected) in [
        (vec![sound.clone()], Value::Null, read(3, 4)),
        (vec![long, sound.clone()], json!("too_large"), read(3, 4)),
        (vec![no_base64, sound.clone()], Value::Null, read(3, 4)),
        (vec![sound.clone(), damaged], json!("malformed"), read(3, 4)),
        (vec![sound, chunk], json!("malformed"), read(3, 4)),
        (
            vec![b"{\"usage\":{}}".to_vec()],
            json!("malformed"),
            json!({"source": "unknown"}),
        ),
    ] {
        let found = aws(&frames).read_at_once();
        assert_eq!(found["usage"], expected);
        assert_eq!(found.get("flaw").unwrap_or(&Value::Null), &flaw);
    }
}
