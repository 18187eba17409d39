//! Origins in one spelling: without the default port, and without the dot of an absolute name.

/// `scheme://host[:port]`, as tables know it.
pub fn plain(origin: &str) -> String {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return origin.to_owned();
    };
    let port = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()));
    let (host, port) = port.map_or((authority, None), |(host, port)| (host, Some(port)));
    let host = host.strip_suffix('.').unwrap_or(host);
    let default = match scheme {
        "https" => Some("443"),
        "http" => Some("80"),
        _ => None,
    };
    match port.filter(|it| Some(*it) != default) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_spelling() {
        for (written, expected) in [
            ("https://api.openai.com", "https://api.openai.com"),
            ("https://api.openai.com:443", "https://api.openai.com"),
            ("https://api.openai.com.:443", "https://api.openai.com"),
            ("https://api.openai.com:80", "https://api.openai.com:80"),
            ("http://10.0.0.7:8000", "http://10.0.0.7:8000"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(plain(written), expected, "{written}");
        }
    }
}
