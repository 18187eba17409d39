//! Reads header values that are lists of items separated by commas (RFC 9110 §5.6.1).

/// The items of one line, without the empty ones. Bytes, since one odd item must not hide others.
pub fn items(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let items = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.filter(|item| !item.is_empty())
}

/// Whether `token` is among the items, whatever its case.
pub fn has_token(line: &[u8], token: &[u8]) -> bool {
    items(line).any(|item| item.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_trimmed_and_empty_ones_are_left_out() {
        let found: Vec<_> = items(b" a ,, b\t,\xff,").collect();
        assert_eq!(found, [&b"a"[..], b"b", b"\xff"]);
        assert_eq!(items(b" ").count(), 0);
    }

    #[test]
    fn tokens_are_compared_whole_and_without_case() {
        assert!(has_token(b"keep-alive, Upgrade", b"upgrade"));
        assert!(!has_token(b"keep-alive, upgrades", b"upgrade"));
    }
}
